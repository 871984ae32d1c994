"""What is built beside the load ends with it, also where nobody came to stop it."""

from __future__ import annotations

import threading
from typing import cast

import pytest

from litelift.ended import Ended
from litelift.move import carry
from litelift.move.build import Builder


class Building:
    """Waits to be stopped, as what builds does for the tables that are still loaded."""

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def stop(self) -> None:
        self.stopped.set()


def test_what_a_second_signal_kept_from_being_stopped_is_stopped_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr(carry, "GRACE_SECONDS", 0.05)
    monkeypatch.setattr(Ended, "asked", 15)
    building = Building()
    with carry._watched(cast(Builder, building)):
        assert building.stopped.wait(60)


def test_without_a_signal_nobody_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr(carry, "GRACE_SECONDS", 0.05)
    building = Building()
    before = threading.active_count()
    with carry._watched(cast(Builder, building)):
        assert threading.active_count() == before + 1
        assert not building.stopped.wait(0.3)
