"""The transaction in which databases change their names."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from psycopg import sql

from litelift.backup.beside import Mark, cut, read_mark


def kept_name(live: str, moment: datetime | None = None) -> str:
    """How the old database is called after a switch: school_before_20261123T020000Z."""
    return _dated(live, "before", moment)


def restored_name(live: str, moment: datetime | None = None) -> str:
    """How the restored one is called after the way back: school_restored_20261123T020000Z."""
    return _dated(live, "restored", moment)


def _dated(live: str, word: str, moment: datetime | None) -> str:
    return cut(live, f"_{word}_{(moment or datetime.now(UTC)).astimezone(UTC):%Y%m%dT%H%M%SZ}")


@dataclass(frozen=True, slots=True)
class Names:
    """Who gets whose name."""

    live: str
    new: str
    kept: str
    between: str = field(default_factory=lambda: f"litelift_switch_{secrets.token_hex(8)}")

    def transaction(self, comment: str | None, new_comment: str | None) -> sql.Composed:
        """The whole of it; the arguments are the comments of ``live`` and ``new``.

        ``new`` is taken first: that its last sessions go is waited for while the old one serves.
        """
        mark = read_mark(new_comment)
        run = mark.run if mark is not None else f"{secrets.randbits(31):08x}"
        own = new_comment if mark is None else mark.comment
        if mark is not None and mark.kind == "restored":
            own = own or comment
        renames = [(self.new, self.between), (self.live, self.kept), (self.between, self.live)]
        comments = [
            (self.live, own),
            (self.kept, Mark(kind="kept", of=self.live, run=run, comment=comment).words()),
        ]
        statements = [
            sql.SQL("alter database {} rename to {}").format(sql.Identifier(name), sql.Identifier(other))
            for name, other in renames
        ]
        statements += [
            sql.SQL("comment on database {} is {}").format(sql.Identifier(name), sql.Literal(words))
            for name, words in comments
        ]
        return sql.SQL("; ").join([sql.SQL("begin"), *statements, sql.SQL("commit")])
