"""Any application's export of who holds what."""
