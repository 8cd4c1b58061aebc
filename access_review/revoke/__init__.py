"""How changes are approved, made, proven and given back, so that nothing is said that did not happen."""
