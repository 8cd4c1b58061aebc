"""Why somebody has access, from the same facts that the rules read."""
