"""Point in time: the WAL that the server archives by a tool of its own, found and checked. litelift archives none."""

from litelift.backup.wal.archiving import wal_archiving
from litelift.backup.wal.found import WalArchiving
from litelift.backup.wal.lines import wal_lines

__all__ = ["WalArchiving", "wal_archiving", "wal_lines"]
