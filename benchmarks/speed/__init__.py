"""How fast: litelift and other tools beside it, on one server and the same files.

``python -m benchmarks.speed`` (``make bench``) runs them one after the other, and makes the page.
"""
