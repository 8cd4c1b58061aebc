"""Microsoft Graph v1.0 objects, translated into rows.

``pages`` reads collections and says whether all of one arrived; the other modules
are pure and know one family of objects each: ``principals`` (users, service
principals, agents), ``groups`` (and licences), ``roles`` (directory roles, PIM),
``applications`` (app roles, consents, blueprints), ``policies`` (Conditional
Access, sign-ins). ``directory`` remembers which object id is what.
"""
