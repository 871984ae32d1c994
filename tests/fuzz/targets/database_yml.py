"""A database.yml: whatever it holds, only the keys of the section change, and they come back."""

from __future__ import annotations

from fuzz import words
from litelift.cutover.configuration.database_yml import edited, restored, values

WORDS = (
    *words("""production: default: &d *d <<: adapter: sqlite3 database: host: <%= ENV['X'] %> <% end %> {a: b} [a] | >
    'x' "x" url: primary: # - ? !!str ~ null yes 12:30 it's : \\x85"""),
    *(b"\n  ", b"\n    ", b"\n", b"\r\n", b"\xef\xbb\xbf", b"\xff", b"---\n", b"\n  a:\n    b: c", "\u2028".encode()),
)


def one(data: bytes) -> None:
    """Hold the contract for the bytes up to the first NUL as a value, and for the rest as a file.

    What cannot be changed is refused; else the section has the new values, and its others as they were; changing it
    again changes nothing; and going back gives every byte back.
    """
    first, _, rest = data.partition(b"\0")
    value, text = first.decode("utf-8", "replace"), rest.decode("utf-8", "surrogateescape")
    new = {"host": value, "database": "app"}
    try:
        made = edited(text, "production", new, ["adapter"])
    except ValueError:
        return
    before = values(text, "production")
    assert values(made, "production") == {**{key: held for key, held in before.items() if key != "adapter"}, **new}
    assert edited(made, "production", new, ["adapter"]) == made
    assert restored(made, text, "production", [*new, "adapter"]) == text
