"""pulse: makes what Firecrawl crawled searchable, fast, and without losing a page."""

__version__ = "0.1.0"
