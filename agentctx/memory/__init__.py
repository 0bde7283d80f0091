"""Memory: what was said and done, found again."""
