"""What a fault works on: one database, one server, one target, and how long the phases take undisturbed."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from chaos.client import PHASES, Client, Moment
from chaos.compare import Picture
from chaos.disk import Disk
from chaos.proxy import Proxy
from chaos.server import Server
from chaos.writer import Writer

WEIGHTS = {"create": 2, "load": 6, "build": 4, "prove": 4, "report": 2}


@dataclass(frozen=True)
class Undisturbed:
    """A database, and what a move of it is like when nobody disturbs it."""

    name: str
    path: Path
    status: int
    verified: int
    picture: Picture
    durations: dict[str, float]
    bytes: int
    commits: int
    answers: int
    sample: bool = False
    contents: tuple[tuple[str, str, int], ...] = ()


@dataclass
class Scene:
    """Where one trial takes place. ``strikes`` are the faults that struck: kind, name, and the phase that was hit."""

    rng: Random
    folder: Path
    source: Path
    undisturbed: Undisturbed
    server: Server
    database: str
    proxy: Proxy | None = None
    disk: Disk | None = None
    small: Disk | None = None
    writer: Writer | None = None
    environment: dict[str, str] = field(default_factory=dict)
    strikes: list[tuple[str, str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def url(self, *, password: bool = True) -> str:
        """The target as the client is told it."""
        return self.server.url(self.database, self.proxy.port if self.proxy else None, password=password)

    def moment(self) -> Moment:
        """A random one: in every phase, and most often in those in which the target is written."""
        phase = self.rng.choices(PHASES, [WEIGHTS.get(phase, 1) for phase in PHASES])[0]
        return Moment(phase, self.rng.random())

    def reach(self, client: Client, moment: Moment) -> bool:
        """Wait for a moment of the client; False where it ended before."""
        return client.reach(moment, self.undisturbed.durations)

    def struck(self, kind: str, name: str, client: Client) -> None:
        """Note a fault that struck."""
        self.strikes.append((kind, name, client.phase))

    def server_up(self) -> None:
        """Have the server there, whatever was done to it."""
        if self.server.pid() is None:
            self.server.start()
        else:
            self.server.wait()

    def quiet(self, seconds: float) -> bool:
        """Wait until no session of the client's is left in the target."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if not self.server.sessions(self.database):
                    return True
            time.sleep(0.05)
        return False
