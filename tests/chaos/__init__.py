"""The soak: real moves, broken on purpose at random moments, gone on with or taken back, and counted apart.

``python -m chaos`` (with tests/ on the path) is the long one; tests/test_chaos.py a short one of each kind of fault.
"""
