"""The service: takes Firecrawl's events, indexes their pages, and answers searches."""
