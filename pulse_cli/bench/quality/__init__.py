"""`pulse bench --quality`: how well search finds known pages."""
