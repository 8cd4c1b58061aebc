"""The logbook as values: its lines, the tree over them, and what they know of files; pure."""
