"""The watch: whether the moved system is well, now and over the years."""
