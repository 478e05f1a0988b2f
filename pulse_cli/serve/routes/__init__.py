"""The HTTP calls of the service, one module for each group of paths."""
