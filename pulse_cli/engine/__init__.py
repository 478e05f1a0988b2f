"""Carries groups of documents through the stages, and keeps the books."""
