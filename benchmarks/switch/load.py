"""pgbench against a database that goes away for a moment: it is started again, as an application is."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

SCALE = 1


@dataclass
class Load:
    """pgbench's clients on one database, and one of our own that connects again at once and notes each commit."""

    dsn: str
    programs: Path
    folder: Path
    clients: int = 8
    reconnect: bool = False
    """Whether each transaction has a connection of its own (pgbench -C)."""
    starts: int = 0
    probed: list[float] = field(default_factory=list)
    """When the own client's commits were answered (time.time)."""
    refused: dict[str, int] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _running: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Make pgbench's tables."""
        subprocess.run(
            [self.programs / "pgbench", "-i", "-q", "-s", str(SCALE), self.dsn], check=True, capture_output=True
        )

    def commits(self) -> list[float]:
        """When pgbench's commits were answered, in seconds of the epoch ("pgbench", per-transaction logging)."""
        found = []
        for log in self.folder.glob("log.*"):
            for line in log.read_text().splitlines():
                words = line.split()
                # The last line of one that was stopped may be torn.
                if len(words) >= 6 and words[2].isdigit():
                    found.append(int(words[4]) + int(words[5]) / 1e6)
        return sorted(found)

    def away(self, since: float, until: float) -> tuple[float, float]:
        """The longest time without a commit between two moments: pgbench's, and the own client's."""
        return longest(self.commits(), since, until), longest(self.probed, since, until)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Have it work until the block ends."""
        threads = [threading.Thread(target=work, daemon=True) for work in (self._bench, self._probe)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            # It may have been about to start once more.
            while threads[0].is_alive():
                self._end()
                threads[0].join(0.01)
            threads[1].join(60)

    def _bench(self) -> None:
        words = [str(self.programs / "pgbench"), "-n", "-c", str(self.clients), "-j", "2", "-T", "600", "-l"]
        words += ["--log-prefix", str(self.folder / "log"), *(["-C"] if self.reconnect else []), self.dsn]
        while not self._stopped.is_set():
            self.starts += 1
            self._running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self._running.wait()

    def _end(self) -> None:
        """End it by its sessions: one that a signal ends leaves the last lines of its log unwritten."""
        name = conninfo_to_dict(self.dsn)["dbname"]
        end = (
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and application_name = 'pgbench'"
        )
        with psycopg.connect(make_conninfo(self.dsn, dbname="postgres"), autocommit=True) as connection:
            while self._running is not None and self._running.poll() is None:
                connection.execute(end, (name,))
                time.sleep(0.01)

    def _probe(self) -> None:
        while not self._stopped.is_set():
            try:
                with psycopg.connect(self.dsn, autocommit=True) as connection:
                    while not self._stopped.is_set():
                        connection.execute("update pgbench_branches set filler = 'x' where bid = -1")
                        self.probed.append(time.time())
                        time.sleep(0.001)
            except psycopg.Error as error:
                said = str(error).split("FATAL:")[-1].strip().splitlines()[0]
                said = said.replace(str(conninfo_to_dict(self.dsn).get("dbname")), "NAME")
                self.refused[said] = self.refused.get(said, 0) + 1


def longest(moments: list[float], since: float, until: float) -> float:
    """The longest time between two neighbours, of those that reach into a span of time."""
    pairs = pairwise(moments)
    return max((after - before for before, after in pairs if after >= since and before <= until), default=0.0)
