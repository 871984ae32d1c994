"""Which column of a restored table fills which one of the live table, after either has been altered."""

from __future__ import annotations

from dataclasses import dataclass, field

from psycopg import sql

from litelift.postgres.connect import Connection
from litelift.postgres.existing_types import TargetTable
from litelift.result import Notice


@dataclass(slots=True)
class Pairing:
    """A live table and the restored one that fills it. ``wrong`` speaks against that."""

    schema: str
    live: TargetTable
    source_schema: str
    source: TargetTable
    columns: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def __str__(self) -> str:
        """As it is told."""
        return f"{self.schema}.{self.live.name}"

    def delete(self) -> sql.Composed:
        """Removes the live rows; those of tables that inherit from it are not its own."""
        name = sql.Identifier(self.schema, self.live.name)
        return sql.SQL("delete from {}{}").format(_only(self.live), name)

    def copy_out(self) -> sql.Composed:
        """Reads the restored rows."""
        name = sql.Identifier(self.source_schema, self.source.name)
        return sql.SQL("copy (select {} from {}{}) to stdout").format(self._names(), _only(self.source), name)

    def copy_in(self) -> sql.Composed:
        """Writes them."""
        columns = sql.SQL("({})").format(self._names()) if self.columns else sql.SQL("")
        return sql.SQL("copy {} {} from stdin").format(sql.Identifier(self.schema, self.live.name), columns)

    def _names(self) -> sql.Composed:
        return sql.SQL(", ").join(map(sql.Identifier, self.columns))


def pair(restored: Connection, schema: str, live: TargetTable, source_schema: str, source: TargetTable) -> Pairing:
    """Match the columns of both by name.

    A generated column of the live table is the server's to fill. One that the live table has no more is passed over
    where it holds nothing; one that it has anew gets its default.
    """
    found = Pairing(schema, live, source_schema, source)
    ours = {column.name: column for column in live.columns}
    theirs = {column.name: column for column in source.columns}
    for column in source.columns:
        mine = ours.get(column.name)
        if mine is None:
            values = 0 if column.generated else _values(restored, found, column.name)
            if values:
                found.wrong.append(
                    f"{found} has no column {column.name} any more, and in the backup it holds {values:,} values"
                )
            else:
                found.notices.append(_told(found, column.name, "has no such column any more; it held nothing"))
        elif not mine.generated:
            found.columns.append(column.name)
            if column.type.display != mine.type.display:
                words = f"was {column.type.display}, and is {mine.type.display}: its values are read as that"
                found.notices.append(_told(found, column.name, words))
    for mine in live.columns:
        if mine.name in theirs or mine.generated:
            continue
        if mine.not_null and not mine.has_default:
            found.wrong.append(f"{found} has a new column {mine.name}, which must not be empty and has no default")
        else:
            what = "its default" if mine.has_default else "NULL"
            found.notices.append(_told(found, mine.name, f"is not in the backup: each row gets {what}", attention=True))
    if not found.columns and not found.wrong:
        found.wrong.append(f"{found} has no column in common with the backup's")
    return found


def _values(restored: Connection, pairing: Pairing, column: str) -> int:
    query = sql.SQL("select count({}) from {}{}").format(
        sql.Identifier(column), _only(pairing.source), sql.Identifier(pairing.source_schema, pairing.source.name)
    )
    row = restored.execute(query).fetchone()
    return int(row[0]) if row else 0


def _told(pairing: Pairing, column: str, words: str, *, attention: bool = False) -> Notice:
    return Notice(
        level="attention" if attention else "info",
        kind="column",
        table=str(pairing),
        column=column,
        message=f"{pairing}.{column} {words}",
    )


def _only(table: TargetTable) -> sql.SQL:
    return sql.SQL("" if table.partitioned else "only ")
