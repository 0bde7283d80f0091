"""What keeps the in-memory indexes in step with the log."""
