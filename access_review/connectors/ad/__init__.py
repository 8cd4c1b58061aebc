"""Active Directory, live and recorded, and other LDAP directories from recordings."""
