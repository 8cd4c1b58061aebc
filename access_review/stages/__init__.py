"""One module a command that touches disk: it reads from the store, calls the pure parts, and writes to the store.

Anyone holding a run's snapshot and the workspace can run everything after ``collect``
again, offline, with the same result.
"""
