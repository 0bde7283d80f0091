"""Small language models on this machine at several precisions, for demonstrations and tests of routing."""
