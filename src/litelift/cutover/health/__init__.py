"""Health checks: whether the application serves, as its users would find it."""
