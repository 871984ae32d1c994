"""The source's side: opening a SQLite file, its catalogue and DDL, its census. It knows nothing of PostgreSQL."""
