"""How it is measured, in words: the last part of the page."""

from __future__ import annotations

from textwrap import wrap

_POINTS = (
    "Each run has a database of its own, after a checkpoint and a second of rest; the file has been read before, "
    "so it is in the system's cache. The tools take turns; a number is the median of its runs.",
    "*Seconds* is the whole command, from its start to its end: for litelift with the census, the keys, indexes, "
    "foreign keys, statistics and the proof, for the others with what they do. *MB/s* is by the size of the "
    "SQLite file.",
    "*Client CPU* is user and system time of all of the tool's processes, the server's not among them. That of a "
    "step is from samples.",
    "*Peak memory* is the most that all processes of the tool held at one moment, added up (proportional set size, "
    "sampled: a page that two processes share counts once). *Largest process* is the peak of the largest one alone, "
    "with all that it shares (resident set size).",
    "litelift builds on each table as soon as it is loaded, beside the load of the others, which then takes longer "
    "than it would alone. *The load alone* is the same command with `LITELIFT_APART=1`, by which nothing is built "
    "before all is loaded: to it, and its load step, the promises about the load step are held.",
    "litelift compares rows while it builds keys and indexes: the time of its *proof* is what that takes longer than "
    "the building, and the building's has most of the proof's processor time.",
    "A tool that calls itself done and has lost every row has failed; its time counts for nothing.",
    "*Lost*: rows counted by table; primary keys, indexes and foreign keys looked for in `pg_catalog`. What no "
    "count shows (types, defaults, values changed on the way) is not asked here.",
    "*The floor* reads no SQLite, decides nothing and proves nothing: four `psql` at once `\\copy` ready-made "
    "files of binary COPY (a table of more than 32 MB in four parts), then make the same indexes, keys and "
    "foreign keys, validate and ANALYZE, with `synchronous_commit = off` and `maintenance_work_mem = 256MB`, as "
    "litelift's own sessions have it. Views and triggers it leaves out.",
    "pgloader and DuckDB run with their defaults, but that pgloader is given a heap of 8 GB for the 5,000 tables, "
    "which exhaust its own of 1 GB; DuckDB moves the rows alone. The `write_row` script is given "
    "the tables' DDL, and makes the keys one after the other.",
    "Of a file of more than 600 MB, the tools that no promise speaks of are measured once.",
)


def method() -> list[str]:
    """The lines."""
    return [
        line for point in _POINTS for line in wrap(f"- {point}", 118, subsequent_indent="  ", break_on_hyphens=False)
    ]
