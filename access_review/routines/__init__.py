"""What comes back every day, week and month: the parts of the recurring jobs."""
