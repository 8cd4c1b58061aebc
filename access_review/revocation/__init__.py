"""How changes are made so that nothing is said that did not happen: the parts of approve, apply and verify."""
