"""The faults of the network: cut, frozen, refused; and cut just when a COMMIT is on its way, or its answer."""

from __future__ import annotations

import time
from random import Random

from chaos.client import Client
from chaos.faults import Fault
from chaos.proxy import BytesTrap, Cut, Trap
from chaos.scene import Scene

WAYS = ("cut", "cut", "bytes", "commit's answer", "commit's answer", "commit", "any answer", "freeze", "refuse")
TRAP_SECONDS = 200.0


class Network(Fault):
    """Something happens to the connections, which all go through the proxy."""

    kind = "network"

    def __init__(self, rng: Random) -> None:
        """Choose what, whether to one or to all, and whether the other side hears of it at once."""
        super().__init__(rng)
        self.way = rng.choice(WAYS)
        self.one = rng.random() < 0.5
        self.how: Cut = "rst" if rng.random() < 0.5 else "fin"
        self.down = rng.choice([0.0, 0.0, rng.uniform(0.2, 3)])
        self.name = self.way
        if self.way == "freeze":
            self.survival = "must"
        if self.way == "refuse":
            self.one, self.down = False, rng.uniform(1, 5)

    def prepare(self, scene: Scene) -> None:
        """Arm what waits for a message or for a byte."""
        proxy, usual = scene.proxy, scene.undisturbed
        assert proxy is not None
        proxy.heal()
        rng = self.rng
        if self.way == "bytes":
            after = proxy.passed + int(usual.bytes * rng.random())
            proxy.bytes_trap = BytesTrap(after, self.one, self.how, self.down)
        elif self.way in ("commit's answer", "commit", "any answer"):
            side, letter = ("client", b"Q") if self.way == "commit" else ("server", b"C")
            words = () if self.way == "any answer" else (b"COMMIT",)
            # Most of the answers are those of the beginning; the end is as interesting.
            count = usual.answers if self.way == "any answer" else usual.commits
            proxy.trap = Trap(
                "client" if side == "client" else "server",
                letter,
                words,
                1 + rng.randrange(max(1, count)),
                self.one,
                self.how,
                self.down,
            )

    def strike(self, scene: Scene, client: Client) -> bool:
        """Do it, or wait for it."""
        proxy = scene.proxy
        assert proxy is not None
        if self.way in ("bytes", "commit's answer", "commit", "any answer"):
            deadline = time.monotonic() + TRAP_SECONDS
            while not proxy.sprung.wait(0.02):
                if client.ended() or time.monotonic() > deadline:
                    if not proxy.sprung.is_set():
                        return False
                    break
            scene.struck(self.kind, self.name, client)
            return True
        if not scene.reach(client, scene.moment()):
            return False
        if self.way == "freeze":
            found = proxy.freeze(True)
            time.sleep(self.rng.uniform(0.3, 4))
            proxy.freeze(False)
        else:
            found = proxy.cut(one=self.rng.randrange(100) if self.one else None, how=self.how, down=self.down)
        if found:
            scene.struck(self.kind, self.name, client)
        return found > 0

    def relieve(self, scene: Scene) -> None:
        """Let everything through."""
        assert scene.proxy is not None
        scene.proxy.heal()
