"""The upper layer of reading: finds the pages in a JSON value."""
