"""One module for each command: its flags, its help, and the use case that it calls."""
