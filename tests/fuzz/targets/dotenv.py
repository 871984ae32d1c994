"""A .env: whatever it holds, only its keys change, and they come back."""

from __future__ import annotations

from fuzz import words
from litelift.cutover.configuration.dotenv import edited, restored, values, written

WORDS = (
    *words("""A= K= #K= export L= 'x' "x" `x` "it 'it ${A} ="x \\" \\' \\n \\\\ # {url} $K p@ss:w/rd%25 null"""),
    *(b"K='a\nb'", b"\r\n", b"\n", b"\r", b"\xef\xbb\xbf", b"\xff", b" # ", "\u2028\u0085\u00a0".encode()),
)


def one(data: bytes) -> None:
    """Hold the contract for the bytes up to the first NUL as a value, and for the rest as a file.

    The value is refused, without being told, or read back; the keys that were not asked for are as they were; changing
    the file again changes nothing; and going back gives every byte back.
    """
    first, _, rest = data.partition(b"\0")
    value, text = first.decode("utf-8", "replace"), rest.decode("utf-8", "surrogateescape")
    new = {"K": value, "L": "5432"}
    try:
        made = edited(text, new, ["A"])
    except ValueError as error:
        # Its words are few; a short value may be one of them.
        assert len(value) < 16 or value not in str(error)
        return
    assert values(made) == {**{key: held for key, held in values(text).items() if key != "A"}, **new}
    assert values(f"K={written(value)} # x\nL=1\n") == {"K": value, "L": "1"}
    assert edited(made, new, ["A"]) == made
    assert made.encode("utf-8", "surrogateescape")
    assert restored(made, text, ["K", "L", "A"]) == text
