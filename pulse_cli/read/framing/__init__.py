"""The middle floor of reading: where one JSON value ends and the next begins."""
