"""The disk full: the server's, while it loads or builds; and the client's folder for temporary files."""

from __future__ import annotations

from random import Random

from chaos.client import PHASES, Client, Moment
from chaos.faults import Fault
from chaos.scene import Scene

LARGE = 1 << 30


class ServerDisk(Fault):
    """The server's disk fills; it is made larger when the client has ended."""

    kind = "disk"

    def __init__(self, rng: Random) -> None:
        """Choose when it is full."""
        super().__init__(rng)
        self.phase = rng.choice(["load", "load", "build"])
        self.name = f"server, in {self.phase}"
        self.room = rng.randrange(0, (6 if self.phase == "load" else 1) << 20)

    def strike(self, scene: Scene, client: Client) -> bool:
        """Leave so much room from a moment on."""
        assert scene.disk is not None
        if not scene.reach(client, Moment(self.phase, self.rng.random() * 0.6)):
            return False
        scene.disk.leave(self.room)
        scene.struck(self.kind, self.name, client)
        return True

    def relieve(self, scene: Scene) -> None:
        """Make room; a server that stopped for want of it comes back."""
        assert scene.disk is not None
        scene.disk.resize(LARGE)
        scene.server_up()


class ClientDisk(Fault):
    """The client's folder for temporary files is full, from the beginning or from a moment on."""

    kind = "disk"

    def __init__(self, rng: Random) -> None:
        """Choose when."""
        super().__init__(rng)
        self.name = "client's TMPDIR"
        self.phase = rng.choice(["start", "census", "prove"])

    def prepare(self, scene: Scene) -> None:
        """Have the client use the small disk."""
        assert scene.small is not None
        place = str(scene.small.folder)
        scene.environment = {"TMPDIR": place, "SQLITE_TMPDIR": place}

    def strike(self, scene: Scene, client: Client) -> bool:
        """Fill it."""
        assert scene.small is not None
        if PHASES.index(self.phase) and not scene.reach(client, Moment(self.phase, 0)):
            return False
        scene.small.fill()
        scene.struck(self.kind, self.name, client)
        return True

    def relieve(self, scene: Scene) -> None:
        """Empty it, and forget of it."""
        assert scene.small is not None
        (scene.small.folder / "filler").unlink(missing_ok=True)
        scene.environment = {}


def disks(rng: Random) -> Fault:
    """One of the two."""
    return (ClientDisk if rng.random() < 0.2 else ServerDisk)(rng)
