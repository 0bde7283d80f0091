"""The code map: walks a tree, extracts facts from each file and resolves them to edges between symbols."""
