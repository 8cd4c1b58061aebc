"""Those who leave: what is still open on each system, since when, and the certificate when all of it is gone."""
