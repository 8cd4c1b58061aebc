"""Why somebody holds something: the parts of explain."""
