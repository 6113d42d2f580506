"""Mocked servers, which are real ones in this process, and answers that are made of answers."""
