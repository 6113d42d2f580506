"""What happened in a run, as data: records and all that is read off them. Calls nothing."""
