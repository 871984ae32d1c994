"""What is written into the page: sentences, moments, numbers; every value escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from string import Formatter
from typing import Any

from markupsafe import Markup

from litelift.monitor.finding import Fact, Finding, Measure, Unit
from litelift.monitor.page.commands import commands, pieces
from litelift.monitor.page.ticks import Axis
from litelift.monitor.words import Language, catalogue
from litelift.monitor.words.format import formatted
from litelift.monitor.words.kept import said, title, to_do
from litelift.report.text import pieces as visible_pieces
from litelift.report.text import shorten, visible

_MOMENT = re.compile(r"(^|_)(at|since|until|began|ended|started|when)$")

INLINE = 34
"""Characters of a command that stands within its sentence; a longer one has a line of its own."""

WHOLE = 16
"""Characters of a table's value that is not broken."""


def text(value: object) -> Markup:
    """Foreign text: escaped, its invisible characters as marked escapes."""
    if isinstance(value, Markup):
        return value
    return Markup("").join(
        Markup('<span class="esc">{}</span>').format(part) if escaped else Markup("{}").format(part)
        for escaped, part in visible_pieces(str(value))
    )


def plain(value: object) -> str:
    """The same for an attribute, or an element that can hold no other: without any markup."""
    return visible(value.striptags() if isinstance(value, Markup) else str(value))


def when(at: datetime, language: Language, form: str = "moment") -> Markup:
    """A moment, in UTC; the page's script makes the reader's own time of it.

    Args:
        at: the moment.
        language: of the reader.
        form: "moment" (day and time), "clock" (the time) or "day".
    """
    at = at.astimezone(UTC)
    words = formatted(at.timestamp(), "moment", language)
    if form == "clock":
        words = f"{at:%H:%M} UTC"
    elif form == "day":
        words = words.partition(",")[0]
    return Markup('<time datetime="{}" data-form="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%MZ}", form, words)


def sentence(template: str, language: Language, **facts: Any) -> Markup:
    """A template with its {fields} in it: moments as `when`, markup as it is, all else as `formatted` writes it."""
    made = Markup("")
    for literal, name, spec, _ in Formatter().parse(template):
        made += text(literal)
        if name is None:
            continue
        value = facts[name]
        if isinstance(value, datetime):
            made += when(value, language, spec or "moment")
        elif isinstance(value, Markup):
            made += value
        else:
            made += text(formatted(value, spec or "", language))
    return made


def typed(command: str) -> Markup:
    """A command that can be copied."""
    length = " long" if len(command) > INLINE else ""
    return Markup('<span class="typed{}"><code>{}</code></span>').format(length, text(command))


def done(finding: Finding, language: Language) -> Markup | None:
    """What to do about a finding, its commands such that they can be copied; None where there is nothing to do."""
    words = to_do(finding, language)
    if words is None:
        return None
    english = to_do(finding, "en") or ""
    made, own_line = Markup(""), False
    for is_command, part in pieces(words, commands(english)):
        if is_command:
            made += typed(part)
        else:
            # What ends a command within a sentence would begin the line below one that stands alone.
            made += text(part.lstrip(" ;.,") if own_line else part)
        own_line = is_command and len(part) > INLINE
    return made


def found(finding: Finding, language: Language) -> str:
    """What was found, in one line."""
    return said(finding, language)


def named(finding: Finding, language: Language) -> str:
    """What a check is called, and what it is about."""
    name = title(finding.check, language)
    if not finding.about:
        return name
    template: str = catalogue(language)["page"]["of"]
    return template.replace("{name}", name).replace("{about}", shorten(finding.about, 80))


def amount(value: float, unit: Unit, language: Language) -> str:
    """A measure's value."""
    if unit == "bytes":
        return formatted(value, "bytes", language)
    if unit == "seconds":
        return formatted(value, "duration" if value < 86400 else "age", language)
    shown = decimal(value, 1 if value % 1 and abs(value) < 1000 else 0, language)
    return f"{shown} %" if unit == "percent" else shown


def decimal(value: float, digits: int, language: Language) -> str:
    """A number with so many digits after its point."""
    shown = f"{value:,.{digits}f}"
    return shown if language == "en" else shown.translate(str.maketrans(",.", ".,"))


def on_axis(value: float, axis: Axis, language: Language, *, tick: bool = False) -> str:
    """A value in the unit of its chart."""
    number = decimal(value / axis.factor, axis.digits if tick else axis.fine, language)
    point = "." if language == "en" else ","
    if not tick and point in number:
        number = number.rstrip("0").rstrip(point)
    return f"{number} {axis.unit}".rstrip()


def cell(name: str, value: Fact, language: Language) -> Markup:
    """What a table says of an item: its key says what it is."""
    if value is None:
        return Markup('<span class="soft">–</span>')
    if isinstance(value, (bool, str)):
        shown = text(shorten(str(value)))
        return Markup('<span class="whole">{}</span>').format(shown) if len(str(value)) <= WHOLE else shown
    if _MOMENT.search(name) and value > 1e8:
        return when(datetime.fromtimestamp(value, UTC), language)
    for ending, spec in (("bytes", "bytes"), ("size", "bytes"), ("seconds", "duration"), ("age", "age")):
        if name == ending or name.endswith("_" + ending):
            return text(formatted(value, spec, language))
    if name == "percent" or name.endswith("_percent") or name == "share":
        return text(amount(float(value), "percent", language))
    if name == "pid" or name.endswith(("_pid", "oid", "port")):
        return text(value)
    return text(formatted(value, "", language))


def columns(items: Iterable[Mapping[str, Fact]]) -> list[tuple[str, bool]]:
    """The headings of a table of items, and whether numbers stand below them."""
    rows = list(items)
    return [
        (
            name,
            all(not isinstance(row.get(name), str) for row in rows)
            and any(isinstance(row.get(name), (int, float)) for row in rows),
        )
        for name in (rows[0] if rows else ())
    ]


def limits(measure: Measure, language: Language) -> tuple[str, str]:
    """From which value a measure is a warning, and from which it is critical; empty where none is."""
    if measure.limit is None:
        return "", ""
    template: str = catalogue(language)["page"]["checks"]["below"] if measure.limit.below else "{value}"
    shown = [
        template.replace("{value}", amount(one, measure.unit, language)) if one is not None else ""
        for one in (measure.limit.warning, measure.limit.critical)
    ]
    return shown[0], shown[1]
