"""The use cases: index, search, maintain. Command line, service and workers call these."""
