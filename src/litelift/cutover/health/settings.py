"""``[[health]]`` in litelift.toml: one table for each check."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

When = Literal["before", "after"]


class Check(BaseModel):
    """What every kind of check has."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str
    when: tuple[When, ...] = Field(default=("before", "after"), strict=False)
    """Before the move, on SQLite, as the baseline; after it, on PostgreSQL (and on SQLite again after a rollback)."""
    timeout: Annotated[float, Field(gt=0, le=600)] = 10.0
    """Seconds of one attempt."""
    retries: Annotated[int, Field(ge=0, le=1000)] = 5
    """Attempts after the first that failed."""
    pause: Annotated[float, Field(ge=0, le=600)] = 2.0
    """Seconds between attempts."""


class TcpCheck(Check):
    """A port that takes connections."""

    kind: Literal["tcp"]
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)]


HealthCheck = Annotated[TcpCheck, Field(discriminator="kind")]
