"""The lowest layer of reading: finds inputs, and reads and decompresses their bytes."""
