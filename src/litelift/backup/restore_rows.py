"""litelift backup restore --over --table: the rows of chosen tables of the live database, as a backup has them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from litelift.backup.beside import remove
from litelift.backup.chosen import parsed
from litelift.backup.restore import Restoration, compared, every_note, live_name, recorded, saved, tidy
from litelift.backup.rows import replace_rows
from litelift.backup.selection import named_tables
from litelift.backup.signs import OnSign, Sign, silent
from litelift.backup.store import Backup
from litelift.backup.subject import Subject
from litelift.backup.verify import compare_sums
from litelift.postgres.connect import connect
from litelift.report.format import count


def restore_rows(
    of: Subject,
    backup: Backup,
    tables: Sequence[str],
    *,
    identities: Sequence[Any] = (),
    safety: bool = True,
    wait: float,
    on_sign: OnSign = silent,
) -> Restoration:
    """Replace the rows of chosen tables of the live database by those of a backup, in one transaction.

    They are restored beside and compared first. Whatever fails leaves the live tables as they were.

    Args:
        of: whose live database it is.
        backup: which.
        tables: by their names.
        identities: keys for an encrypted one.
        safety: back the live database up before.
        wait: seconds for which those who write to the tables are waited for.
        on_sign: gets signs of life.

    Raises:
        RowsRefused: they do not fit. RestoreFailed, BackupDamaged, BackupKey, TargetError.
    """
    with of.store.held(), recorded(of.store, backup) as facts:
        began = time.monotonic()
        manifest = backup.read()
        admin = of.admin or of.dsn
        chosen = named_tables(manifest, tables)
        tidy(admin)
        compare_sums(backup.folder, manifest, on_sign)
        safe = saved(of, on_sign) if safety else None
        with compared(of, backup, manifest, admin, chosen, identities, on_sign) as (there, seconds):
            with connect(there.dsn) as connection:
                wanted = parsed(connection, chosen)
            on_sign(Sign("switch"))
            done = replace_rows(of.dsn, there.dsn, wanted, seconds=wait)
        remove(admin, there.database)
        told = f"{count(done.rows, 'row')} in {count(len(done.tables), 'table')}"
        on_sign(Sign("switch", 1, 1, message=told, finished=True))
        live = live_name(of)
        facts |= {"database": live, "tables": chosen, "rows": done.rows, "safety": safe}
        notes = [notice.message for notice in done.notices if notice.level == "attention"]
        return Restoration(
            manifest.name, live, seconds, time.monotonic() - began, chosen, every_note(notes, there), safe
        )
