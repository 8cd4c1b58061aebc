"""A campaign from its draw to its sign-off: work sheets, decisions, what they prove, and what stays open."""
