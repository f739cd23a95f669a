"""Helpers that tests share and import by name."""
