"""The tables of litelift.toml that say what is watched, from when on it is told, and to whom."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from litelift.tomlfile.section import Command, Section, about


class LimitSetting(Section):
    """``[monitor.limits]``: from which value on a check tells. Units as `litelift monitor check --json` has them."""

    warning: float | None = None
    """None: the check's own."""
    critical: float | None = None
    """None: the check's own."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.warning is None and self.critical is None:
            raise about("warning", "expected warning, critical or both; got neither")
        return self


class Monitor(Section):
    """``[monitor]``: how the database and what it stands on are watched once the application is on PostgreSQL."""

    commands: list[Command] = Field(default_factory=list)
    """Commands of the project, run by the cutover when the application serves again, with its login in their
    environment: DATABASE_URL, PGHOST, PGPASSWORD and the rest."""
    folder: str = "litelift-monitor"
    """Where the baseline and the samples lie."""
    url: str | None = None
    """The login that looks, as "postgresql://role@host/database" without the password; one that has pg_monitor sees
    all. None: the administrator's of the cutover where it is known, else the application's."""
    every: Annotated[float, Field(ge=1, le=3600)] = 15.0
    """Seconds between two samples of `litelift monitor watch`."""
    ignore: list[str] = Field(default_factory=list)
    """What is not told: a check ("unused-indexes"), or one object of it ("unused-indexes:public.grades_year")."""
    limits: dict[str, LimitSetting] = Field(default_factory=dict)
    """By check and measure: "connections.used_percent" = { warning = 70, critical = 90 }."""
