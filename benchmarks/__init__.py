"""Measurements of litelift, and of other tools beside it, that make a page of the documentation."""
