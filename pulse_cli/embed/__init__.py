"""Texts to vectors: a text-embeddings-inference server, any OpenAI-like one, or a local model."""
