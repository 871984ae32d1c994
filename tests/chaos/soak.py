"""The soak: trials by the number, several at once, each a database, a fault and a way back chosen by the seed."""

from __future__ import annotations

import contextlib
import faulthandler
import math
import multiprocessing
import queue
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

from chaos.databases import SHAPES, make
from chaos.disk import Disk, may_mount
from chaos.faults import Kill, ServerDown, Signals, others
from chaos.faults_disk import LARGE, disks
from chaos.faults_network import Network
from chaos.faults_writer import Writing
from chaos.outcome import Outcome
from chaos.proxy import Proxy
from chaos.scene import Scene, Undisturbed
from chaos.server import Server
from chaos.trial import Trial
from chaos.undisturbed import undisturbed

KINDS = {
    "kill": (Kill, 40),
    "server": (ServerDown, 32),
    "network": (Network, 48),
    "disk": (disks, 16),
    "writer": (Writing, 24),
    "signal": (Signals, 20),
    "sessions": (others, 20),
}
ATTEMPTS = 4
WAL_SHAPES = ("keys", "small")


@dataclass(frozen=True)
class Plan:
    """What is to be done: how many faults of which kinds, from which seed, with which databases."""

    seed: str
    kinds: tuple[str, ...]
    shapes: tuple[str, ...]

    def kind(self, number: int) -> str:
        """The kind of a trial: by weight, and shuffled, but each in its turn."""
        weighed = [kind for kind in self.kinds for _ in range(KINDS[kind][1])]
        Random(f"{self.seed}/kinds").shuffle(weighed)
        return weighed[number % len(weighed)]


class Stage:
    """One worker's server, proxy, disks and sources; trials take place there one after another."""

    def __init__(self, folder: Path, plan: Plan, usual: dict[str, Undisturbed]) -> None:
        """``folder`` is the worker's own; ``usual`` are the databases, by shape."""
        folder.mkdir(mode=0o755)
        self.folder = folder
        self.plan = plan
        self.usual = usual
        self.close = contextlib.ExitStack()
        self._plain: Server | None = None
        self._full: tuple[Server, Disk, Disk] | None = None

    def server(self) -> Server:
        """The server of most trials."""
        if self._plain is None:
            place = self.folder / "server"
            place.mkdir(mode=0o755)
            self._plain = Server(place)
            self.close.callback(self._plain.down, "immediate")
        return self._plain

    def full(self) -> tuple[Server, Disk, Disk]:
        """The server on a disk of its own, that disk, and a small one for the client."""
        if self._full is None:
            disk = Disk(self.folder / "disk", LARGE)
            self.close.callback(disk.close)
            small = Disk(self.folder / "small", 1 << 20)
            self.close.callback(small.close)
            server = Server(disk.folder, max_wal_size="32MB", min_wal_size="8MB")
            self.close.callback(server.down, "immediate")
            self._full = server, disk, small
        return self._full

    def trial(self, number: int) -> Outcome:
        """One trial; a fault that came too late is tried again at another moment."""
        rng = Random(f"{self.plan.seed}/{number}")
        kind = self.plan.kind(number)
        # Only in a made database is it known what the writer's transactions do.
        shapes = [name for name in self.plan.shapes if kind != "writer" or not self.usual[name].sample]
        shape = rng.choice(shapes)
        outcome = Outcome(number, kind, shape)
        began = time.monotonic()
        for attempt in range(ATTEMPTS):
            try:
                with self._scene(number, attempt, rng, kind, shape) as scene:
                    try:
                        struck = Trial(scene, outcome, lambda: KINDS[kind][0](rng)).play()
                    finally:
                        outcome.strikes += scene.strikes
                        outcome.wrong += scene.wrong
            except Exception:
                outcome.wrong.append(f"the soak itself: {traceback.format_exc()}")
                break
            if struck or outcome.wrong:
                break
        outcome.seconds = time.monotonic() - began
        return outcome

    @contextlib.contextmanager
    def _scene(self, number: int, attempt: int, rng: Random, kind: str, shape: str) -> Iterator[Scene]:
        usual = self.usual[shape]
        server, disk, small = self.full() if kind == "disk" else (self.server(), None, None)
        folder = self.folder / f"trial{number}_{attempt}"
        folder.mkdir(mode=0o755)
        source = folder / "app.sqlite"
        shutil.copyfile(usual.path, source)
        if kind == "writer":
            with contextlib.closing(sqlite3.connect(source)) as connection:
                connection.execute(f"pragma journal_mode = {rng.choice(['wal', 'delete'])}")
        database = f"chaos{number}_{attempt}"
        server.fresh(database)
        scene = Scene(rng, folder, source, usual, server, database, disk=disk, small=small)
        if kind == "network":
            scene.proxy = Proxy(server.port)
        try:
            yield scene
        finally:
            if scene.proxy is not None:
                scene.proxy.close()
            if scene.writer is not None:
                scene.writer.stop()
            scene.server_up()
            server.drop(database)
            shutil.rmtree(folder, ignore_errors=True)


def databases(plan: Plan, folder: Path, server: Server, sample: Path | None = None) -> dict[str, Undisturbed]:
    """Make the databases, and move each undisturbed."""
    folder.mkdir(mode=0o755)
    usual = {}
    for shape in plan.shapes:
        path = folder / f"{shape}.sqlite"
        if sample is not None and shape == sample.name:
            _unpack(sample, path)
        else:
            make(path, shape, plan.seed)
            if shape in WAL_SHAPES:
                with contextlib.closing(sqlite3.connect(path)) as connection:
                    connection.execute("pragma journal_mode = wal")
        usual[shape] = undisturbed(shape, path, server, sample=sample is not None and shape == sample.name)
    return usual


def _unpack(sample: Path, path: Path) -> None:
    if sample.suffix != ".zst":
        shutil.copyfile(sample, path)
        return
    import zstandard

    with sample.open("rb") as packed, path.open("wb") as file:
        zstandard.ZstdDecompressor().copy_stream(packed, file)


def end_in_order() -> None:
    """Have a SIGTERM end this process as a Ctrl-C does: the servers that it started must not stay."""

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    # A SIGUSR1 asks where it is.
    faulthandler.register(signal.SIGUSR1)


def _work(folder: Path, plan: Plan, usual: dict[str, Undisturbed], numbers: Any, outcomes: Any) -> None:
    end_in_order()
    stage = Stage(folder, plan, usual)
    with contextlib.suppress(KeyboardInterrupt), stage.close:
        while (number := numbers.get()) is not None:
            outcomes.put(stage.trial(number))


def soak(
    plan: Plan, numbers: Sequence[int], jobs: int, sample: Path | None = None, seconds: float = math.inf
) -> list[Outcome]:
    """Play these trials, ``jobs`` at a time, and tell of each as it is done; begin none after ``seconds``."""
    end_in_order()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="litelift-chaos-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        place = folder / "undisturbed"
        place.mkdir(mode=0o755)
        server = Server(place)
        try:
            usual = databases(plan, folder / "databases", server, sample)
        finally:
            server.down("immediate")
        orders, outcomes = context.Queue(), context.Queue()
        workers = [
            context.Process(target=_work, args=(folder / f"worker{at}", plan, usual, orders, outcomes), daemon=False)
            for at in range(jobs)
        ]
        for worker in workers:
            worker.start()
        try:
            return list(_gathered(numbers, jobs, orders, outcomes, workers, seconds))
        except BaseException:
            for worker in workers:
                worker.terminate()
            raise
        finally:
            for worker in workers:
                worker.join(120)


def _gathered(
    numbers: Sequence[int], jobs: int, orders: Any, outcomes: Any, workers: Sequence[Any], seconds: float
) -> Iterator[Outcome]:
    """The outcomes as they come; no trial is begun when ``seconds`` are over."""
    deadline = time.monotonic() + seconds
    left = list(reversed(numbers))
    under_way = 0
    while True:
        while left and under_way < jobs and time.monotonic() < deadline:
            orders.put(left.pop())
            under_way += 1
        if not under_way:
            break
        try:
            outcome = outcomes.get(timeout=5)
        except queue.Empty:
            if not all(worker.is_alive() for worker in workers):
                raise RuntimeError("a worker of the soak is gone") from None
            continue
        under_way -= 1
        _tell(outcome)
        yield outcome
    for _ in range(jobs):
        orders.put(None)


def _tell(outcome: Outcome) -> None:
    sys.stdout.write(outcome.line() + "\n")
    for words in outcome.wrong:
        sys.stdout.write("     " + words.replace("\n", "\n     ") + "\n")
    sys.stdout.flush()


def possible(kinds: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those kinds that can be tried here, and those that cannot."""
    out = tuple(kind for kind in kinds if kind == "disk" and not may_mount())
    return tuple(kind for kind in kinds if kind not in out), out


SHAPE_NAMES = tuple(SHAPES)
