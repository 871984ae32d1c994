"""What was changed and made: files with their diffs, where credentials are, and what stands now that did not before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litelift.cutover.commands import shown
from litelift.cutover.context import Context
from litelift.cutover.report.content import ArchiveView, DiffLine, FileChange, Kept, Rows, Written, WrittenTable
from litelift.cutover.step import Facts
from litelift.report.format import count, size

DIFF_LINES = 400
"""Of one file; beyond it nobody reads."""


def file_changes(context: Context) -> list[FileChange]:
    """The files that were modified, each with its diff, and how it was before."""
    found = []
    for step, why in (("switch", "the application's configuration"), ("compose", "the service of PostgreSQL")):
        facts = context.facts(step)
        if not facts:
            continue
        back = context.journal.last(step) == "undone"
        for file in facts.get("files") or ([facts] if "file" in facts else []):
            found.append(
                FileChange(
                    file=str(file.get("path") or file.get("file")),
                    kept=str(context.folder / str(file.get("kept", ""))),
                    why=why,
                    diff=diff_lines(file.get("diff")),
                    put_back=back,
                    notes=[str(note) for note in file.get("notes") or []],
                )
            )
    return found


def diff_lines(diff: Any) -> list[DiffLine]:
    """A unified diff, as text or as lines, by what each line says."""
    lines = str(diff or "").splitlines() if not isinstance(diff, list) else [str(line) for line in diff]
    found: list[DiffLine] = []
    for line in lines[:DIFF_LINES]:
        if line.startswith(("+++", "---", "@@", "\\")):
            found.append(DiffLine("about", line))
        elif line.startswith(("+", "-")):
            found.append(DiffLine("in" if line[0] == "+" else "out", line))
        else:
            found.append(DiffLine("around", line))
    if len(lines) > DIFF_LINES:
        found.append(DiffLine("about", f"... and {len(lines) - DIFF_LINES:,} more lines"))
    return found


def archive_view(context: Context) -> ArchiveView | None:
    """The archive; None where there is none."""
    facts = context.facts("archive")
    if "sha256" not in facts:
        return None
    return ArchiveView(
        path=facts["path"],
        bytes=facts["bytes"],
        source_bytes=facts["source_bytes"],
        sha256=facts["sha256"],
        keep_until=facts["keep_until"],
        read_back=bool(facts.get("read_back")),
        files=[Kept(file["file"], file["bytes"], file["sha256"]) for file in facts.get("files", [])],
    )


def backups(context: Context) -> Rows:
    """What can be gone back to, beside the archive."""
    rows: Rows = []
    kept = context.facts("source-keep")
    if "sha256" in kept:
        rows.append(
            ("The SQLite file at the move", f"{kept['copy']} ({size(kept['bytes'])}, SHA-256 {kept['sha256']})")
        )
    changed = sorted((context.folder / "kept").glob("changed/*")) if context.folder.exists() else []
    if changed:
        rows.append(("What it became after the move", str(changed[0].parent)))
    commands = context.runbook.backup.commands
    done = context.journal.stands("after-care")
    for command in commands:
        rows.append(("First backup of PostgreSQL", f"{shown(command)}{'' if done else ' (not run)'}"))
    return rows


def credentials(context: Context) -> Rows:
    """Where passwords are. Never one of them."""
    facts = context.facts("server")
    rows: Rows = []
    if facts or context.login_path.exists():
        rows.append(("The application's login", _place(facts.get("credentials") or context.login_path)))
    if facts.get("superuser_credentials"):
        rows.append(("The superuser of the new server", _place(facts["superuser_credentials"])))
    if context.facts("compose").get("secret"):
        rows.append(("The same, for compose", _place(context.facts("compose")["secret"])))
    for file in context.facts("switch").get("files") or []:
        rows.append(("The application's configuration", str(file.get("path") or file.get("file"))))
    return rows


def made(context: Context) -> Rows:
    """What stands now that did not before the run: where it was taken back, what had stood."""
    facts = context.facts("server")
    rows: Rows = []
    if facts.get("kind") == "container":
        rows.append(("Container", f"{facts.get('container', '')} of {facts.get('image', '')}"))
        rows.append(("Volume", str(facts.get("volume", ""))))
        for older in facts.get("older_volumes") or []:
            rows.append(("Older volume, untouched", f"{older.get('volume')}: {older.get('holds')}"))
    if facts.get("kind") == "embedded":
        rows.append(("Embedded PostgreSQL", f"in {facts.get('folder', '')}"))
    if facts.get("makes"):
        rows.append(("Database", str(facts.get("database", ""))))
        rows.append(("Role", f"{facts.get('role', '')}, which may log in and owns the database, and nothing else"))
    target = context.runbook.target
    if context.facts("compose"):
        rows.append(("Service in the compose file", getattr(target, "service", "")))
    if "run_id" in context.facts("move"):
        rows.append(("Schema in the database", "litelift: the move's journal, its quarantine and what was told"))
    for command in context.runbook.monitor.commands:
        rows.append(("Monitoring", shown(command)))
    rows.append(("Journal of the run", str(context.journal.path)))
    output = sorted((context.folder / "output").glob("*.log"))
    if output:
        rows.append(
            ("What the project's commands printed", f"{context.folder / 'output'} ({count(len(output), 'file')})")
        )
    return rows


def written(context: Context) -> Written | None:
    """What was written to PostgreSQL after the switch; None where nobody has looked."""
    lines = [line.values.get("facts") or {} for line in context.journal.events("undone", "mark")]
    facts: Facts = lines[-1] if lines else {}
    if "path" not in facts:
        return None
    return Written(
        path=facts["path"],
        sha256=facts.get("sha256", ""),
        inserted=facts.get("inserted", 0),
        updated=facts.get("updated", 0),
        deleted=facts.get("deleted", 0),
        tables=[
            WrittenTable(
                name=f"{table['schema_name']}.{table['table']}",
                inserted=table["inserted"],
                updated=table["updated"],
                deleted=table["deleted"],
                notes=list(table.get("notes") or []),
            )
            for table in facts.get("tables") or []
        ],
    )


def _place(path: object) -> str:
    place = Path(str(path))
    try:
        mode = f"mode {place.stat().st_mode & 0o777:04o}"
    except OSError:
        mode = "no longer there"
    return f"{place} ({mode})"
