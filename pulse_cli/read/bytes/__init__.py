"""The lowest floor of reading: inputs, files and their bytes, unpacked."""
