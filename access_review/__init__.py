"""Reconcile who has access with who should have it, and take the rest away safely."""

__version__ = "0.1.0"
