"""Helpers for backends that need another library."""
