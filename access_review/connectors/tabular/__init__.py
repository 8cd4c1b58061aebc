"""Tabular files, read strictly: what readers of rosters and tables share."""
