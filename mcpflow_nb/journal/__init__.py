"""The journal: a run outlives its kernel. `store.py` writes, `owner.py` is who holds a run, `databases.py` where it lies."""
