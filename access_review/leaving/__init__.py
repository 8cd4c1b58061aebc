"""What is known of somebody who leaves, and what can be certified: the parts of offboarding."""
