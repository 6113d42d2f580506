"""Clients from elsewhere, and what they are served: used by `tests/test_real_clients.py`."""
