"""litelift backup list."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from litelift.cli.backup_words import Folder, What, again, short, told_of
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag
from litelift.errors import LiteliftError
from litelift.report.format import age, count, duration, listed, size

if TYPE_CHECKING:
    from litelift.backup.wal import WalArchiving


def list_backups(
    what: What = None,
    folder: Folder = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Show every backup: when it was made, how large it is, and whether it was verified, drilled and copied.

    And the server's WAL archive, if it has one. Exits 3 where a backup is damaged, none is good, or the archive needs a
    person.
    """
    from litelift.backup.subject import store_of

    output = Output(json, quiet, verbose)
    with told_of(output, what, folder):
        store = store_of(what, folder)
        wal = _wal(what, folder)
        found = store.backups()
        good = [backup for backup in found if backup.good]
        code = 0 if good and len(good) == len(found) and (wal is None or not wal.problems) else 3
        if json:
            output.document(
                {
                    "folder": str(store.path),
                    "backups": [_document(one) for one in found],
                    "point_in_time": wal.model_dump(mode="json") if wal is not None else None,
                    "exit_code": code,
                }
            )
        elif not found:
            output.say(
                f"There are no backups in {store.path}.", "Make one: litelift backup create" + again(what, folder)
            )
        else:
            now = datetime.now(UTC)
            table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
            table.add_column("backup", overflow="fold", no_wrap=short(one.name for one in found))
            for heading in ("age", "size", "rows"):
                table.add_column(heading, justify="right", no_wrap=True)
            table.add_column("what is known of it")
            for one in found:
                table.add_row(*_row(one, now))
            output.out.print(table)
            for one in found:
                _say_bad(output, one)
            output.say(f"{count(len(found), 'backup')}, {count(len(good), 'good one')}, in {store.path}")
        if wal is not None and not json:
            from litelift.backup.wal import wal_lines

            output.say(*wal_lines(wal))
        if code:
            raise typer.Exit(code)


def _wal(what: str | None, folder: Path | None) -> WalArchiving | None:
    """The server's WAL archive, where it is known which server, and it answers."""
    from litelift.backup.point_in_time import wal_of
    from litelift.backup.subject import subject

    try:
        return wal_of(subject(what, folder))
    except LiteliftError:
        # The backups are listed without it: they are what is needed where there is no server.
        return None


def _row(backup: Any, now: datetime) -> list[Text | str]:
    manifest, standing = backup.manifest, backup.standing
    if manifest is None:
        return [backup.name, "", "", "", Text("damaged", style="red")]
    return [
        backup.name,
        age((now - manifest.started).total_seconds()),
        size(manifest.bytes),
        f"{manifest.rows:,}",
        _known(manifest, standing, now),
    ]


def _known(manifest: Any, standing: Any, now: datetime) -> Text:
    """In words: "restored 2 h ago (3.8 s)", "not restored yet"; and where else it is."""
    told = Text()
    look = standing.drilled
    if look is None:
        told.append("not restored yet", style="yellow")
    elif look.ok:
        told.append(f"restored {_ago(look, now)} ({duration(look.seconds)})", style="green")
    else:
        told.append(f"its restore failed {_ago(look, now)}", style="red")
    look = standing.verified
    if look is not None and not look.ok:
        told.append(f", found damaged {_ago(look, now)}", style="red")
    elif look is not None:
        told.append(f", verified {_ago(look, now)}")
    if manifest.encryption is not None:
        told.append(", encrypted")
    if manifest.kind == "safety":
        told.append(", made before a restore")
    if standing.copies:
        told.append(f", copied to {listed(sorted(standing.copies))}")
    return told


def _ago(look: Any, now: datetime) -> str:
    return f"{age((now - look.at).total_seconds())} ago"


def _say_bad(output: Output, backup: Any) -> None:
    if backup.manifest is None:
        output.say(Text(f"{backup.name}: {backup.damage}", style="red"))
        return
    for look in (backup.standing.verified, backup.standing.drilled):
        if look is not None and not look.ok:
            output.say(Text(f"{backup.name}: {look.message}", style="red"))


def _document(backup: Any) -> dict[str, Any]:
    manifest = backup.manifest
    known = {"name": backup.name, "folder": str(backup.folder), "good": backup.good}
    if manifest is None:
        return {**known, "damage": backup.damage}
    shown = manifest.model_dump(
        mode="json", include={"project", "kind", "database", "started", "ended", "bytes", "database_bytes", "dump"}
    )
    return {
        **known,
        **shown,
        "rows": manifest.rows,
        "tables": len(manifest.tables),
        "encrypted": manifest.encryption is not None,
        "proved": backup.standing.proved,
        **backup.standing.model_dump(mode="json"),
    }
