"""From facts to edges: which definition each reference means, how that is known, and how sure it is."""

RESOLVER_VERSION = 2
"""Raised with every change of what resolving the same facts yields; edges of another version are made again."""
