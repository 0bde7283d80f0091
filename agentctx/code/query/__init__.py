"""From the text of a task to what in it points at code: frames, paths, names, quoted words, weighted prose."""
