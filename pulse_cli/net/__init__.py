"""The one HTTP client: how pulse talks to every service."""
