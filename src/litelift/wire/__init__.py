"""A row on its way: SQLite values to COPY bytes and back."""
