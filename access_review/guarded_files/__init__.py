"""Files opened with care: as what they should be, and, where they hold a secret, closed to others."""
