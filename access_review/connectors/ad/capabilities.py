"""What a directory can do, whichever way it is read."""

from access_review.changes import Action, Capabilities

CAPABILITIES = Capabilities(actions=frozenset({Action.DISABLE_ACCOUNT, Action.REMOVE_MEMBER, Action.CUT_NESTING}))
"""Its groups can be cut, and its accounts be disabled."""
