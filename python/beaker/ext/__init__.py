"""Helpers for backends that need a library of their own."""
