"""What arrives: every object of a SQLite database, looked for in PostgreSQL after a tool has moved it.

Nothing of litelift takes part in the counting: the source is read by Python's sqlite3, the target's catalogue by
psycopg. ``python -m benchmarks.fidelity`` makes the page.
"""
