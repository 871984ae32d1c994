"""The section on the first 24 hours: kept in the run's folder once they are over; before that as far as they are."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from litelift.cutover.context import Context
from litelift.cutover.report.clean import clean, passwords
from litelift.cutover.report.content import FirstDayView, Rows
from litelift.errors import LiteliftError
from litelift.monitor.baseline import read_baseline
from litelift.monitor.first_day import FILE, Course, FirstDay, summed_up
from litelift.monitor.samples import opened
from litelift.report.format import count, duration, moment, number, size


def first_day_of(context: Context) -> FirstDay | None:
    """Of a run that has switched the application to PostgreSQL, where anybody has watched. Writes nothing."""
    kept = kept_first_day(context.folder)
    since = None if kept is not None else switched_at(context)
    if since is None:
        return kept
    folder = (context.runbook.folder / context.runbook.monitor.folder).resolve()
    back = next(context.journal.events("rolling-back"), None)
    until = back.at if back is not None else datetime.now(UTC)
    try:
        with opened(folder) as samples:
            return summed_up(samples, read_baseline(folder), since, until)
    except (OSError, sqlite3.Error, LiteliftError):
        # The report says what it can: the samples are another file's, which may be gone.
        return None


def kept_first_day(folder: Path) -> FirstDay | None:
    """What a run's folder keeps of it."""
    try:
        return FirstDay.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def switched_at(context: Context) -> datetime | None:
    """When the application was switched to PostgreSQL; None where it was not, or in a rehearsal."""
    if context.rehearsal:
        return None
    for step in ("switch", "services-start", "mark"):
        done = list(context.journal.events("done", step))
        if done:
            return done[-1].at
    return None


def view(context: Context) -> FirstDayView | None:
    """As the report says it; None where there is nothing to say."""
    day = first_day_of(context)
    if day is None:
        return None
    found = FirstDay.model_validate(clean(day.model_dump(mode="json"), passwords(context.folder)))
    whole = "24 hours" if found.complete else duration(found.seconds)
    summary: Rows = [
        ("From", moment(found.since)),
        ("To", moment(found.until) + ("" if found.complete else ", as far as it is known")),
        ("Watched", f"{duration(found.watched_seconds)} of {whole}"),
        ("Incidents", count(found.troubles_total, "incident") if found.troubles_total else "none"),
    ]
    summary += [(f"{one.name} answered", _share(one.percent)) for one in found.answered]
    rows: list[tuple[str, ...]] = [
        (
            one.title + (" a second" if one.check == "transactions" else ""),
            "" if one.normal is None else _shown(one, one.normal),
            *(_shown(one, value) for value in (one.first, one.low, one.mean, one.high, one.last)),
        )
        for one in found.courses
    ]
    troubles: list[tuple[str, ...]] = [
        (
            one.title,
            one.said,
            one.worst,
            moment(one.began),
            duration(one.seconds) + (" and lasts" if one.lasts else ""),
        )
        for one in found.troubles
    ]
    return FirstDayView(found, summary, rows, troubles)


def _share(percent: float) -> str:
    """Never 100 % of what has not always answered."""
    if percent >= 100:
        return "always"
    return f"{min(percent, 99.99):.2f} % of that time"


def _shown(course: Course, value: float) -> str:
    if course.unit == "bytes":
        return size(round(value))
    if course.unit == "seconds":
        return duration(value)
    if course.unit == "percent":
        return f"{value:.1f} %"
    return number(round(value)) if abs(value) >= 100 or value == round(value) else f"{value:.1f}"
