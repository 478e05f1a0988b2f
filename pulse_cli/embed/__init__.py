"""Turns texts into vectors: by a TEI server, by any OpenAI-like server, or by a local model."""
