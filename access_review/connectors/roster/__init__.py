"""Rosters: who works here, from HR, clients, vendors, or the list of AI agents."""
