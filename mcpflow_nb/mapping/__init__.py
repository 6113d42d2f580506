"""One workflow for every row of a table: `rows.py` runs them, so many at once."""
