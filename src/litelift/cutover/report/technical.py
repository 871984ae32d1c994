"""Versions and places of everything that took part."""

from __future__ import annotations

import platform

from litelift import __version__
from litelift.cutover.context import Context
from litelift.cutover.overview import Overview
from litelift.cutover.report.content import Rows
from litelift.cutover.settings import ContainerTarget, EmbeddedTarget
from litelift.report.format import count, number, size
from litelift.result import MigrationResult

_METRICS = {
    "version": "PostgreSQL",
    "database_bytes": "Size of the database",
    "connections": "Connections",
    "max_connections": "Connections at most",
    "cache_hit_percent": "Reads answered by the cache",
    "tables": "Tables",
    "indexes": "Indexes",
}


def machine() -> dict[str, str]:
    """What litelift runs on, as it is asked now."""
    return {
        "litelift": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": _system(),
        "machine": platform.machine(),
    }


def _system() -> str:
    try:
        found = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        found = ""
    kernel = f"{platform.system()} {platform.release()}"
    return f"{found} ({kernel})" if found else kernel


def technical(context: Context, overview: Overview, result: MigrationResult | None) -> list[tuple[str, Rows]]:
    """Groups of rows."""
    begun = next(context.journal.events("begun"))
    told = context.facts("report").get("machine") or machine()
    groups: list[tuple[str, Rows]] = [
        (
            "The run",
            [
                ("Runbook", str(begun.values.get("runbook") or context.runbook.path)),
                ("As it was then", str(context.folder / "litelift.toml")),
                ("Run", f"{overview.run}, in {context.folder}"),
                ("litelift", str(begun.values.get("version") or told["litelift"])),
                ("Python", told["python"]),
                ("Machine", f"{begun.values.get('host', '')}: {told['system']}, {told['machine']}".lstrip(": ")),
            ],
        ),
        ("The application", _application(context)),
        ("SQLite", _source(context, result)),
        ("PostgreSQL", _target(context, result)),
    ]
    return [(title, [row for row in rows if row[1]]) for title, rows in groups]


def _application(context: Context) -> Rows:
    code = context.facts("code")
    before, after = code.get("before"), code.get("after")
    rows: Rows = [("Name", context.runbook.project.name), ("Folder", str(context.runbook.folder))]
    if before:
        rows.append(("Commit before", f"{before}{' on ' + code['branch'] if code.get('branch') else ''}"))
        rows.append(("Commit after", "the same" if after == before else str(after or "not updated")))
    else:
        rows.append(("Commit", "not recorded: no git repository" if "before" in code else "not recorded"))
    return rows


def _source(context: Context, result: MigrationResult | None) -> Rows:
    rows: Rows = [("File", str(context.runbook.source_path))]
    kept = context.facts("source-keep")
    if kept.get("sha256"):
        rows.append(("SHA-256 of the copy that was kept", kept["sha256"]))
    if result is None:
        return rows
    source = result.source
    return [
        ("SQLite", source.sqlite_version),
        *rows,
        ("Size", f"{size(source.bytes)} ({count(source.bytes, 'byte')}), with its write-ahead log"),
        ("Holds", f"{count(source.tables, 'table')}, {count(source.rows, 'row')}"),
        ("Encoding", source.encoding),
        ("Details", f"journal mode {source.journal_mode}, pages of {count(source.page_size, 'byte')}"),
    ]


def _target(context: Context, result: MigrationResult | None) -> Rows:
    facts = context.facts("server")
    target = context.runbook.target
    words = {"existing": "a server that was there", "embedded": "litelift's own", "container": "in a container"}
    version = str(facts.get("version") or (result.target.server_version if result else ""))
    rows: Rows = [("PostgreSQL", version), ("Kind", words.get(target.kind, target.kind))]
    if facts.get("host"):
        rows.append(("Where", f"{facts['host']}, port {facts.get('port', '')}"))
    elif result is not None:
        rows.append(("Where", result.target.display))
    rows.append(("Database", str(facts.get("database") or target.database)))
    rows.append(("Role", str(facts.get("role") or target.role)))
    if isinstance(target, ContainerTarget):
        image = (facts.get("image_facts") or {}).get("id", "")
        rows.append(("Image", f"{target.image} ({image})" if image else target.image))
        rows.append(("Engine", f"{facts.get('engine_version', '')} {facts.get('engine', '')}".strip()))
        limits = [f"memory {target.memory}" if target.memory else "", f"{target.cpus:g} CPUs" if target.cpus else ""]
        rows.append(("Restart and limits", ", ".join([target.restart, *(limit for limit in limits if limit)])))
    if isinstance(target, EmbeddedTarget) and facts.get("folder"):
        rows.append(("Folder", str(facts["folder"])))
    if result is not None:
        rows.append(("Encoding", "UTF8" + (", with ICU collations" if result.target.icu else "")))
        rows.append(("Schema", result.target.schema_name))
    for name, value in (facts.get("settings") or {}).items():
        rows.append((str(name), str(value)))
    return rows


def baseline(context: Context) -> Rows:
    """The numbers of the first evening, to be compared with later ones."""
    facts = context.facts("baseline")
    metrics = facts.get("metrics") or {name: value for name, value in facts.items() if name in _METRICS}
    rows: Rows = []
    for name, value in metrics.items():
        if value is None:
            continue
        if name == "database_bytes":
            shown = f"{size(int(value))} ({count(int(value), 'byte')})"
        elif name.endswith("percent"):
            shown = f"{value:g} %"
        else:
            shown = number(value) if isinstance(value, int) else str(value)
        rows.append((_METRICS.get(name, name.replace("_", " ").capitalize()), shown))
    return rows
