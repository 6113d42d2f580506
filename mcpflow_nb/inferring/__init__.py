"""The workflow behind a recorded session: where each value stood before, and how much that says."""
