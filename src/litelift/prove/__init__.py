"""Verification: the target is read back and compared with the source by content, by code of its own."""

from litelift.prove.existing import matches_from_target
from litelift.prove.sequences import prove_sequences
from litelift.prove.tables import prove_table, prove_tables
from litelift.prove.values import expected, printed

__all__ = ["expected", "matches_from_target", "printed", "prove_sequences", "prove_table", "prove_tables"]
