"""How long a database is away while a restored one takes its place, as its clients see it."""
