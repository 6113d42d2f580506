"""Problems of a workflow before anything is called: its structure, and against what the servers offer."""
