"""The stages as they run on disk: each reads files of a run, calls a pure part, and writes files of the run."""
