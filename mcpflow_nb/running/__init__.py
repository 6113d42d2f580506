"""A run: one step at a time, what is done by hand, what goes on after a restart."""
