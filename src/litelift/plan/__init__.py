"""What is decided before anything is written: the plan file, types, names and value maps."""
