"""The upper floor of reading: which page a JSON value holds."""
