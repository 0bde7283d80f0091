"""From facts to edges: which definition each reference means, how that is known, and how sure it is."""
