"""Packs what memory and code know about a task into an exact token budget."""
