"""BloodHound collections of Active Directory, folder or zip."""
