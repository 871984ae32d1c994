"""The engine: what is loaded when, in which transaction, and what is told on the way."""
