"""The journal: a run outlives its kernel. `store.py` writes, `owner.py` says who holds a run, `places.py` where it lies."""
