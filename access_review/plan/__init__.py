"""What to take away, reviewed before anything is changed: the parts of ``plan``."""
