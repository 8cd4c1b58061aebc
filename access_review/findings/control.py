"""Control findings: they say that the review fell short, and nothing about access."""

CONTROL_RULES = ("kept-unlogged", "not-reviewed", "not-reviewed-again", "repeat-finding")
"""The rules whose findings are shown apart, never among the highest risks."""
