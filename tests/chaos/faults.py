"""The faults that strike a client and its server: kills, signals, other sessions."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from random import Random
from typing import ClassVar, Literal

import psycopg
from psycopg import sql

from broken import children
from chaos.client import Client, Ended, complaints
from chaos.scene import Scene

Survival = Literal["must", "may", "never"]


class Fault:
    """One fault: `prepare` before the client starts, `strike` while it runs, `relieve` when it has ended."""

    kind: ClassVar[str]
    patience: str | None = None
    """How many seconds the client is told to wait for a server that is away (--patience)."""
    survival: Survival = "may"
    """Whether the client has to come through."""
    name = ""

    def __init__(self, rng: Random) -> None:
        """Choose what to do."""
        self.rng = rng

    def prepare(self, scene: Scene) -> None:
        """Before the client starts."""

    def strike(self, scene: Scene, client: Client) -> bool:
        """Do it; whether it came to that before the client ended."""
        raise NotImplementedError

    def relieve(self, scene: Scene) -> None:
        """After the client's end: take the cause away."""

    def excuses(self, ended: Ended) -> bool:
        """Whether an end that is no clear error is this fault's own doing."""
        return False


class Kill(Fault):
    """SIGKILL of the client: of the whole group, of the parent alone, of one worker."""

    kind = "kill"

    def __init__(self, rng: Random) -> None:
        """Choose whom."""
        super().__init__(rng)
        self.name = rng.choice(["group", "group", "parent", "worker"])
        self.survival = "may" if self.name == "worker" else "never"

    def strike(self, scene: Scene, client: Client) -> bool:
        """Kill."""
        if not scene.reach(client, scene.moment()):
            return False
        workers = children(client.process.pid)
        if self.name == "worker" and not workers:
            return False
        scene.struck(self.kind, self.name, client)
        if self.name == "worker":
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.rng.choice(workers), signal.SIGKILL)
        else:
            client.send(signal.SIGKILL, group=self.name == "group")
        return True

    def excuses(self, ended: Ended) -> bool:
        """Killed."""
        return ended.status == -signal.SIGKILL


class Signals(Fault):
    """SIGINT and SIGTERM, once and twice; SIGSTOP and SIGCONT."""

    kind = "signal"

    def __init__(self, rng: Random) -> None:
        """Choose which."""
        super().__init__(rng)
        self.name = rng.choice(["INT", "TERM", "INT twice", "TERM twice", "INT TERM", "STOP"])
        self.survival = "must" if self.name == "STOP" else "never"

    def strike(self, scene: Scene, client: Client) -> bool:
        """Send."""
        if not scene.reach(client, scene.moment()):
            return False
        scene.struck(self.kind, self.name, client)
        if self.name == "STOP":
            client.send(signal.SIGSTOP)
            time.sleep(self.rng.uniform(0.3, 3))
            client.send(signal.SIGCONT)
            return True
        numbers = [getattr(signal, f"SIG{word}") for word in self.name.replace("twice", self.name.split()[0]).split()]
        for at, number in enumerate(numbers):
            if at and not client.sleep(self.rng.choice([0, self.rng.random() * 0.1, self.rng.random()])):
                break
            # A terminal's Ctrl-C goes to the group, a supervisor's TERM to the process.
            client.send(number, group=number == signal.SIGINT)
        return True

    def excuses(self, ended: Ended) -> bool:
        """Ended before it had begun to listen, or by the second of two: as the signal itself ends a process."""
        early = ended.phase == "start" and ended.status in (-signal.SIGINT, -signal.SIGTERM, 130, 143)
        return early or (" " in self.name and ended.status in (-signal.SIGINT, -signal.SIGTERM))


class ServerDown(Fault):
    """The server crashes or is stopped, and comes back: after a while, or when the client has given up."""

    kind = "server"

    def __init__(self, rng: Random) -> None:
        """Choose how, and for how long."""
        super().__init__(rng)
        self.how = rng.choice(["crash", "crash", "immediate", "fast"])
        self.late = rng.random() < 0.2
        self.seconds = rng.choice([0.0, rng.uniform(0, 5)])
        self.name = f"{self.how}, {'back late' if self.late else 'back soon'}"
        self.patience = str(rng.choice([0, 3, 8])) if self.late else None

    def strike(self, scene: Scene, client: Client) -> bool:
        """Bring it down, and most often up again."""
        if not scene.reach(client, scene.moment()):
            return False
        scene.struck(self.kind, self.name, client)
        scene.server.down(self.how)
        if not self.late:
            time.sleep(self.seconds)
            scene.server.start()
        return True

    def relieve(self, scene: Scene) -> None:
        """Have it up."""
        scene.server_up()


# --------------------------------------------------------------------- other sessions


class Sessions(Fault):
    """pg_terminate_backend of one or of all of the client's sessions."""

    kind = "sessions"

    def __init__(self, rng: Random) -> None:
        """Choose how many."""
        super().__init__(rng)
        self.name = rng.choice(["end one", "end all", "end again and again"])

    def strike(self, scene: Scene, client: Client) -> bool:
        """End them."""
        if not scene.reach(client, scene.moment()):
            return False
        ended = 0
        for _ in range(self.rng.randrange(3, 8) if self.name.endswith("again") else 1):
            ended += self._end(scene)
            if not client.sleep(self.rng.uniform(0.05, 0.4)):
                break
        if ended:
            scene.struck(self.kind, self.name, client)
        return ended > 0

    def _end(self, scene: Scene) -> int:
        some = sql.SQL(" order by random() limit 1" if self.name == "end one" else "")
        with scene.server.admin() as admin:
            return admin.execute(
                sql.SQL(
                    "select pg_terminate_backend(pid) from (select pid from pg_stat_activity where datname = %s"
                    " and application_name <> 'chaos'{}) as found"
                ).format(some),
                (scene.database,),
            ).rowcount


class Locks(Fault):
    """A foreign session locks some tables for a while, in an order of its own; maybe the client is killed then."""

    kind = "sessions"

    def __init__(self, rng: Random) -> None:
        """Choose whether the client dies waiting."""
        super().__init__(rng)
        self.kills = rng.random() < 0.5
        self.name = "lock, then kill" if self.kills else "lock"
        self.survival = "never" if self.kills else "may"
        self._held = 0

    def strike(self, scene: Scene, client: Client) -> bool:
        """Lock."""
        if not scene.reach(client, scene.moment()):
            return False
        locked = threading.Event()
        seconds = self.rng.uniform(0.5, 3)
        threading.Thread(target=self._lock, args=(scene, locked, seconds), daemon=True).start()
        locked.wait(10)
        if not self._held:
            return False
        if not client.sleep(self.rng.uniform(0, 0.5)):
            return False
        scene.struck(self.kind, self.name, client)
        if self.kills:
            client.send(signal.SIGKILL)
        return True

    def _lock(self, scene: Scene, locked: threading.Event, seconds: float) -> None:
        with contextlib.suppress(psycopg.Error), scene.server.admin(scene.database) as other:
            names = other.execute(
                "select n.nspname, relname from pg_class c join pg_namespace n on n.oid = relnamespace"
                " where relkind = 'r' and nspname in ('public', 'litelift') order by random() limit %s",
                (self.rng.randrange(1, 6),),
            ).fetchall()
            other.execute("set lock_timeout = '3s'")
            with other.transaction():
                mode = self.rng.choice(["access exclusive", "share row exclusive", "exclusive"])
                for name in names:
                    other.execute(sql.SQL("lock table {} in {} mode").format(sql.Identifier(*name), sql.SQL(mode)))
                    self._held += 1
                    locked.set()
                    time.sleep(0.02)
                if names:
                    time.sleep(seconds)
        locked.set()

    def excuses(self, ended: Ended) -> bool:
        """Killed."""
        return self.kills and ended.status == -signal.SIGKILL


class SecondClient(Fault):
    """A second client at the same target: it is refused, and the first does not notice."""

    kind = "sessions"
    name = "second client"
    survival = "must"

    def strike(self, scene: Scene, client: Client) -> bool:
        """Start it."""
        # Not before the first has the target: which of two comes first is nobody's promise.
        moment = scene.moment()
        if moment.phase in ("start", "open", "server", "report") or not scene.reach(client, moment):
            return False
        scene.struck(self.kind, self.name, client)
        other = Client.start("migrate", scene.source, scene.url(), "--report", scene.folder / "second")
        ended = other.end(scene.server.doing(scene.database))
        scene.wrong += complaints(ended)
        words = ("another litelift is working", "is not empty")
        if ended.status != 1 or not any(word in ended.err for word in words):
            scene.wrong.append(f"a second client was not refused: {ended.status} {ended.err[-600:]}")
        return True


def others(rng: Random) -> Fault:
    """One of the faults by other sessions."""
    kinds: list[type[Fault]] = [Sessions, Locks, Locks, SecondClient]
    return rng.choice(kinds)(rng)
