"""What a tenant can do, whichever way it is read."""

from access_review.changes import Action, Capabilities

CAPABILITIES = Capabilities(
    actions=frozenset(
        {
            Action.DISABLE_ACCOUNT,
            Action.REVOKE_SESSIONS,
            Action.REMOVE_MEMBER,
            Action.REMOVE_ROLE_ASSIGNMENT,
            Action.END_PIM,
            Action.REMOVE_APPROLE,
            Action.REMOVE_CONSENT,
            Action.CUT_NESTING,
        }
    ),
    synchronised=True,
)
"""Accounts, sessions, memberships, roles, consents: Graph takes each away one at a time."""
