"""What a plugin of Nagios, Icinga and the like prints ("Monitoring Plugins Development Guidelines")."""

from __future__ import annotations

from collections.abc import Iterator

from litelift.monitor.finding import Finding, Limit, Measure
from litelift.monitor.run import Looked
from litelift.monitor.words import Language, said, terminal, title, to_do

NAME = "LITELIFT"
_GRAVEST = ("critical", "warning", "unknown")
_UNITS = {"": "", "seconds": "s", "bytes": "B", "percent": "%"}
"""As the guidelines call them ("Performance data")."""


def plugin_output(looked: Looked, language: Language = "en") -> str:
    """The first line with its data, then a line for each check, then the rest of the data.

    First comes the data that has limits: the first line is all that some programs read. The states are in English in
    every language, for they are read by programs.
    """
    first = " ".join(_data(looked, limited=True))
    rest = " ".join(_data(looked, limited=False))
    lines = [f"{NAME} {looked.state.upper()} - {_text(_summary(looked, language))}" + (f" | {first}" if first else "")]
    lines += [_text(line) for finding in looked.findings for line in _lines(finding, language)]
    lines[-1] += f" | {rest}" if rest and len(lines) > 1 else ""
    return "\n".join(lines)


def failed(message: str) -> str:
    """What is printed where nothing could be looked at."""
    return f"{NAME} UNKNOWN - {_text(' '.join(message.split()))}"


def _summary(looked: Looked, language: Language) -> str:
    wrong = sorted((one for one in looked.findings if one.state != "ok"), key=lambda one: _GRAVEST.index(one.state))
    if not wrong:
        return terminal("well", language, n=len(looked.findings))
    told = [f"{_name(one, language)}: {said(one, language)}" for one in wrong[:3]]
    return "; ".join(told + ([terminal("more", language, n=len(wrong) - 3)] if len(wrong) > 3 else []))


def _lines(finding: Finding, language: Language) -> Iterator[str]:
    yield f"{finding.state.upper()}: {_name(finding, language)}: {said(finding, language)}"
    if (do := to_do(finding, language)) is not None:
        yield f"  {do}"


def _name(finding: Finding, language: Language) -> str:
    return f"{title(finding.check, language)} {finding.about}".rstrip()


def _text(text: str) -> str:
    """A text without what ends it: the bar begins the data, and there is no way to escape one."""
    return text.replace("|", "¦").replace("\n", " ")


def _data(looked: Looked, *, limited: bool) -> Iterator[str]:
    for finding in looked.findings:
        for measure in finding.measures:
            if (measure.limit is not None) == limited:
                yield _datum(f"{finding.key}.{measure.name}", measure)


def _datum(label: str, measure: Measure) -> str:
    limit = measure.limit or Limit()
    unit = "c" if measure.counter and not measure.unit else _UNITS[measure.unit]
    parts = [_number(measure.value) + unit, _range(limit.warning, limit), _range(limit.critical, limit)]
    if measure.most is not None:
        parts += ["0", _number(measure.most)]
    # No label has an equals sign, and a quote in one is written twice.
    name = label.replace("'", "''").replace("=", "-").replace("|", "¦")
    return f"'{name}'=" + ";".join(parts).rstrip(";")


def _range(bound: float | None, limit: Limit) -> str:
    """The range that is well: outside of it is told. "10": from 0 to 10; "10:": from 10 on."""
    if bound is None:
        return ""
    return f"{_number(bound)}:" if limit.below else f"~:{_number(bound)}" if bound < 0 else _number(bound)


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") if value != int(value) else str(int(value))
