"""Microsoft Entra ID over Microsoft Graph v1.0, live and from saved pages."""
