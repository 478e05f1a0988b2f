"""The middle layer of reading: finds where one JSON value ends and the next begins."""
