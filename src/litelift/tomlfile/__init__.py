"""A file that a person writes in TOML: read into a model; what is wrong is told with its line and the nearest word."""
