"""The embedded store: the Qdrant engine on a folder of this machine."""
