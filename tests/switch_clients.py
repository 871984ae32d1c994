"""Clients of a database that goes away for a moment: each connects again, and notes which database it met."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg


@dataclass
class Clients:
    """What some threads have committed, as it was answered: the moment, the database's own word, the number."""

    url: str
    commits: list[tuple[float, str, int]] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    stopped: threading.Event = field(default_factory=threading.Event)

    def work(self, each: int | None) -> None:
        """Connect, write, and begin anew; ``each`` transactions for each connection."""
        while not self.stopped.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True) as connection:
                    done = 0
                    while not self.stopped.is_set() and (each is None or done < each):
                        row = connection.execute(
                            "insert into written (which) select which from identity returning which, id"
                        ).fetchone()
                        assert row is not None
                        self.commits.append((time.monotonic(), *row))
                        done += 1
            except psycopg.Error as error:
                said = error.sqlstate or ("does not exist" if "does not exist" in str(error) else "lost")
                self.errors[said] += 1

    def met(self, which: str) -> list[int]:
        """The numbers of the rows that were committed to that database."""
        return [number for _, name, number in self.commits if name == which]

    @property
    def gap(self) -> float:
        """Seconds from the last commit to the old database until the first to the new one."""
        return min(at for at, name, _ in self.commits if name == "new") - max(
            at for at, name, _ in self.commits if name == "old"
        )


@contextmanager
def clients(url: str, number: int, each: int | None = None) -> Iterator[Clients]:
    """So many clients of the database at ``url``, until the block ends."""
    some = Clients(url)
    threads = [threading.Thread(target=some.work, args=(each,), daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield some
    finally:
        some.stopped.set()
        for thread in threads:
            thread.join(60)


def make_one(url: str, which: str) -> None:
    """Make in a database what the clients write to."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table identity (which text); create table written (id serial, which text)")
        connection.execute("insert into identity values (%s)", (which,))
        connection.execute("grant all on identity, written, written_id_seq to public")
