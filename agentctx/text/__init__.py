"""Text for search: splitting into terms, and what words say about time and kind of a question."""
