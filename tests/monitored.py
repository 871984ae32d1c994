"""A database that is watched, and what one check finds in it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from litelift.monitor.checks import CHECKS
from litelift.monitor.finding import Finding
from litelift.monitor.look import Past
from litelift.monitor.run import look_at
from litelift.monitor.watched import Watched, watched
from litelift.monitor.words import LANGUAGES, about, said, title, to_do


def database_at(url: str, folder: Path, settings: str = "") -> Watched:
    """What `litelift monitor` makes of a litelift.toml in ``folder`` about the database at ``url``."""
    file = folder / "litelift.toml"
    file.write_text(f'[backup]\nurl = "{url}"\n{settings}')
    return watched(str(file))


def found_by(name: str, of: Watched, *, past: Past | None = None, now: datetime | None = None) -> list[Finding]:
    """What the check ``name`` finds; that it can be said, and what to do where something is wrong, in each language."""
    check = next(check for check in CHECKS if check.name == name)
    looked = look_at(of, [check], past=past, now=now or datetime.now(UTC))
    findings = [finding for finding in looked.findings if finding.check == name]
    assert findings, looked.findings
    for finding in findings:
        for language in LANGUAGES:
            assert title(name, language) and about(name, language)
            assert said(finding, language)
            assert (to_do(finding, language) is None) == (finding.state == "ok"), finding
    return findings


def only(findings: list[Finding]) -> Finding:
    """The one finding."""
    assert len(findings) == 1, findings
    return findings[0]
