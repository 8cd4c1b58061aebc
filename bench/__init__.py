"""Made-up companies of any size, other ways to review them, and what each costs."""
