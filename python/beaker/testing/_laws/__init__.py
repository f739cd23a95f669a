"""The laws, by subject."""
