"""A writer goes on in the source while the client runs, and maybe while nobody does."""

from __future__ import annotations

import signal
from random import Random

from chaos.client import Client, Ended
from chaos.faults import Fault
from chaos.scene import Scene
from chaos.writer import Writer

WAYS = ("writes all along", "kill, then it writes", "kill, and it has stopped")


class Writing(Fault):
    """The application writes on; in two of three ways the client is killed too."""

    kind = "writer"

    def __init__(self, rng: Random) -> None:
        """Choose what happens to the client, and how busy the writer is."""
        super().__init__(rng)
        self.way = rng.choice(WAYS)
        self.pause = rng.choice([0.002, 0.02, 0.1])
        self.name = self.way
        self.survival = "must" if self.way == WAYS[0] else "never"
        self.first = 0
        self.last = 0

    @property
    def changed(self) -> bool:
        """Whether the source surely is not as the client saw it."""
        return self.way == WAYS[1]

    @property
    def unchanged(self) -> bool:
        """Whether the source surely is as the client saw it."""
        return self.first == self.last

    def prepare(self, scene: Scene) -> None:
        """Have it write."""
        scene.writer = Writer(scene.source, self.pause)
        scene.writer.start()
        scene.writer.go_on_to(3)
        if self.way == WAYS[2]:
            scene.writer.stop()
        self.first = scene.writer.done

    def strike(self, scene: Scene, client: Client) -> bool:
        """Kill it, if that is the way."""
        if self.way == WAYS[0]:
            scene.struck(self.kind, self.name, client)
            return True
        if not scene.reach(client, scene.moment()):
            return False
        scene.struck(self.kind, self.name, client)
        client.send(signal.SIGKILL)
        return True

    def relieve(self, scene: Scene) -> None:
        """Let it write some more, or not, and end it."""
        writer = scene.writer
        assert writer is not None
        if self.way != WAYS[2]:
            if self.changed and not writer.go_on_to(writer.done + 5):
                scene.wrong.append(f"the writer could not write on: {writer.errors}")
            writer.stop()
        scene.wrong += writer.errors
        self.last = writer.done

    def excuses(self, ended: Ended) -> bool:
        """Killed."""
        return ended.status == -signal.SIGKILL
