"""From findings to a plan that proves itself: the parts of plan and undo."""
