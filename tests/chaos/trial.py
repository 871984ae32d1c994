"""One trial: a move that is broken, then gone on with or taken back, and then held against the source."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import psycopg

from chaos.client import LIMIT, Client, Ended, complaints
from chaos.compare import compare, compare_contents, picture
from chaos.faults import Fault, SecondClient
from chaos.faults_writer import Writing
from chaos.outcome import Outcome
from chaos.scene import Scene
from chaos.server import PASSWORD
from chaos.writer import replay

AGAIN = 0.4
"""How often a further fault strikes a --resume."""
BUSY_SECONDS = 120.0
CHANGED = "is not as it was when the move began"
ROOM = 4 << 20
"""By how much the system's own tables may have grown by a move that was taken back."""


class Trial:
    """Plays one trial in a scene."""

    def __init__(self, scene: Scene, outcome: Outcome, make_fault: Callable[[], Fault]) -> None:
        """``make_fault`` makes another fault of the trial's kind."""
        self.scene = scene
        self.outcome = outcome
        self.make_fault = make_fault
        self.rng: Random = scene.rng
        self.jobs = self.rng.choice(["1", "2", "2", "3", "4"])
        self.in_url = self.rng.random() < 0.5
        self.before = scene.server.dump(scene.database)
        self.size = self._size()
        self.seen = looks(scene.source)
        self.sources_tick: int | None = None

    # ------------------------------------------------------------- the play

    def play(self) -> bool:
        """Play it; False where the first fault did not strike."""
        fault = self.make_fault()
        fault.prepare(self.scene)
        ended = self.client(fault, "migrate")
        if not self.scene.strikes:
            return False
        self.outcome.words.append(", ".join(f"{name} in {phase}" for _, name, phase in self.scene.strikes))
        if ended.status in (0, 3):
            self.outcome.how = "survived"
        else:
            if fault.survival == "must":
                self.wrong(f"{fault.name}: it had to come through, and ended with {ended.status}: {ended.err[-800:]}")
            self.recover(fault)
        self.judge()
        return True

    def client(self, fault: Fault | None, *words: str) -> Ended:
        """Run a litelift, with a fault; what it says must be clear."""
        scene = self.scene
        environment = dict(scene.environment)
        if not self.in_url:
            environment["PGPASSWORD"] = PASSWORD
        url = scene.url(password=self.in_url)
        if words[0] == "migrate":
            report = scene.folder / "report"
            words = (*words, str(scene.source), url, "--jobs", self.jobs, "--report", str(report))
            if fault is not None and fault.patience is not None:
                words = (*words, "--patience", fault.patience)
        elif words[0] == "verify":
            words = (*words, str(scene.source), url)
        else:
            words = (words[0], url, *words[1:])
        client = Client.start(*words, environment=environment, undisturbed=fault is None)
        if fault is not None:
            fault.strike(scene, client)
        limit = max(10.0, LIMIT - (time.monotonic() - client.begun))
        ended = client.end(None if fault is None else [f"after {fault.kind}: {fault.name}"], limit)
        if ended.hung:
            self.outcome.hangs += 1
            scene.wrong += [f"the server was at: {line}" for line in scene.server.doing(scene.database)]
        if fault is not None:
            fault.relieve(scene)
        known = ended.status in (0, 1, 2, 3, 130, 143)
        if not (fault is not None and fault.excuses(ended)):
            scene.wrong += [f"{' '.join(words[:1])} after {fault and fault.name}: {one}" for one in complaints(ended)]
            if not known and not ended.hung:
                scene.wrong.append(f"ended with {ended.status}: {ended.err[-800:]}")
        if words[0] == "migrate" and ended.status in (1, 130, 143) and self.state() == "running":
            self._names_both_ways(ended, fault)
        return ended

    def _names_both_ways(self, ended: Ended, fault: Fault | None) -> None:
        twice = fault is not None and fault.kind == "signal" and " " in fault.name
        refused = "another litelift is working" in ended.err
        # Of a source that changed there is nothing to go on with.
        goes_on = "--resume" in ended.err or CHANGED in ended.err
        if not twice and not refused and not (goes_on and "litelift undo" in ended.err):
            self.wrong(f"it left an unfinished run, and does not name both ways: {ended.err[-800:]}")

    def recover(self, fault: Fault) -> None:
        """Go on or take back, until the move is done."""
        scene = self.scene
        if self.rng.random() < 0.5:
            scene.quiet(10)
        state = self.state()
        if state == "none":
            self.outcome.how = "again"
            self._nothing_begun()
            return
        if state == "running" and self.rng.random() < 0.3:
            ended = self.refused("migrate")
            if ended.status != 1 or "--resume" not in ended.err or "litelift undo" not in ended.err:
                self.wrong(f"a plain migrate onto an unfinished run: {ended.status} {ended.err[-600:]}")
        if isinstance(fault, Writing) and state == "running" and not fault.unchanged:
            ended = self.refused("migrate", "--resume")
            if ended.status in (0, 3) and not fault.changed:
                self.outcome.how = "resumed"
                return
            if ended.status != 1 or CHANGED not in ended.err:
                self.wrong(f"--resume of a source that changed: {ended.status} {ended.err[-600:]}")
            self.undo()
            return
        if state != "undoing" and self.rng.random() < 0.6:
            self.resume()
        else:
            self.undo()

    def _nothing_begun(self) -> None:
        """Nothing was written: --resume has nothing to go on with (or moves), and a plain migrate moves."""
        self.scene.quiet(120)
        if self.state() == "none" and self.scene.server.dump(self.scene.database) != self.before:
            self.wrong("no run is in the target, and its catalogue is not as before")
        if self.rng.random() < 0.3:
            ended = self.refused("migrate", "--resume")
            if ended.status in (0, 3):
                return
        self.done(self.patient("migrate"))

    def resume(self) -> None:
        """--resume, while further faults strike, and in the end without."""
        self.outcome.how = "resumed"
        for _ in range(2):
            if self.rng.random() > AGAIN or self.state() != "running":
                break
            fault = self.make_fault()
            if isinstance(fault, Writing):
                break
            fault.prepare(self.scene)
            before, loaded = len(self.scene.strikes), self.loaded()
            ended = self.client(fault, "migrate", "--resume")
            self.outcome.words += [f"again {name} in {phase}" for _, name, phase in self.scene.strikes[before:]]
            if ended.status in (0, 3):
                self.done(ended)
                return
            # Without a single row it is taken back, as a first attempt is.
            if loaded and self.state() == "none":
                self.wrong(f"{loaded} rows are gone after a --resume that was struck: {ended.err[-800:]}")
            if fault.survival == "must" and not isinstance(fault, SecondClient):
                self.wrong(f"{fault.name}: --resume had to come through: {ended.status} {ended.err[-800:]}")
        if self.state() in ("none", "undoing"):
            # Struck before it had loaded anything, it takes back what it has made.
            if self.state() == "none":
                self.done(self.patient("migrate"))
            else:
                self.undo()
            return
        if self.state() != "running":
            # It was done when it was struck: there is nothing to go on with, and that is said.
            self.refused("migrate", "--resume")
            return
        self.done(self.patient("migrate", "--resume"))

    def undo(self) -> None:
        """undo, maybe killed and done again; then all is as before, and a fresh move."""
        self.outcome.how = "undone"
        if self.rng.random() < 0.25:
            killed = Client.start("undo", self.scene.url(), "--yes")
            killed.sleep(self.rng.uniform(0.2, 1.2))
            killed.send(9)  # type: ignore[arg-type]
            killed.end()
        if self.state() != "none":
            ended = self.patient("undo", "--yes")
            if ended.status != 0:
                self.wrong(f"undo ended with {ended.status}: {ended.err[-600:]}")
        after = self.scene.server.dump(self.scene.database)
        if after != self.before:
            gone, new = set(self.before.split("\n--\n")), set(after.split("\n--\n"))
            self.wrong(f"undo left the catalogue otherwise: {sorted(new - gone)[:3]}, missing {sorted(gone - new)[:3]}")
        if self._size() > self.size + ROOM:
            self.wrong(f"undo gave no room back: {self.size:,} bytes became {self._size():,}")
        self.done(self.patient("migrate"))

    def patient(self, *words: str) -> Ended:
        """Run a command without a fault; a session that has not ended yet may have it refused for a while."""
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            ended = self.client(None, *words)
            if "another litelift is working" not in ended.err or time.monotonic() > deadline:
                return ended
            self.outcome.refused += 1
            time.sleep(1)

    def refused(self, *words: str) -> Ended:
        """Run a command that should be refused, and changes nothing then."""
        self.scene.quiet(120)
        before = self.scene.server.dump(self.scene.database)
        ended = self.patient(*words)
        if ended.status in (1, 2):
            self.outcome.refused += 1
            if self.scene.server.dump(self.scene.database) != before:
                self.wrong(f"{' '.join(words)} was refused, and changed the target: {ended.err[-400:]}")
        return ended

    def done(self, ended: Ended) -> None:
        """A move without a fault ended: it must have moved all."""
        if ended.status != self.scene.undisturbed.status:
            self.wrong(
                f"{self.outcome.how}: the last one ended with {ended.status}, undisturbed with"
                f" {self.scene.undisturbed.status}: {ended.err[-1200:]}"
            )

    # ------------------------------------------------------------- the judgement

    def state(self) -> str:
        """What the target says of the run: 'none', 'running', or how it ended."""
        self.scene.server_up()
        with self.scene.server.admin(self.scene.database) as admin:
            if admin.execute("select to_regclass('litelift.run')").fetchone() == (None,):
                return "none"
            rows = admin.execute("select state from litelift.run").fetchall()
        return " ".join(str(row[0]) for row in rows) or "none"

    def loaded(self) -> int:
        """The rows that are in the target for good, by the journal."""
        self.scene.server_up()
        with self.scene.server.admin(self.scene.database) as admin:
            found = admin.execute("select coalesce(sum(rows), 0)::bigint from litelift.unit").fetchone()
        return int(found[0]) if found else 0

    def judge(self) -> None:
        """Hold what arrived against the source and against the undisturbed move."""
        scene, usual = self.scene, self.scene.undisturbed
        if self.state() not in ("proved",):
            self.wrong(f"in the end the run is '{self.state()}'")
        path = scene.source
        if scene.writer is not None:
            path = scene.folder / "replayed.sqlite"
            replay(usual.path, self._tick(), path)
        elif (now := looks(scene.source)) != self.seen:
            self.wrong(f"the source was {self.seen} and is {now}")
        with scene.server.admin(scene.database) as target:
            compared = compare_contents(usual.contents, target) if usual.sample else compare(path, target)
        self.outcome.lost += compared.lost
        self.outcome.doubled += compared.doubled
        scene.wrong += compared.wrong
        dump = scene.server.dump(scene.database)
        with scene.server.admin(scene.database) as target:
            found = picture(target, dump)
        if scene.writer is None:
            scene.wrong += usual.picture.unlike(found)
        elif found.schema != usual.picture.schema or found.invalid:
            self.wrong("the catalogue is not the undisturbed move's")
        if scene.writer is None or scene.writer.done == self._tick():
            verified = self.patient("verify")
            if verified.status != usual.verified:
                self.wrong(f"verify ends with {verified.status}, undisturbed {usual.verified}: {verified.err[-400:]}")
        self._no_password()

    def _tick(self) -> int:
        """The number of the writer's last transaction that arrived."""
        try:
            with self.scene.server.admin(self.scene.database) as target:
                row = target.execute("select n from public.tick").fetchone()
        except psycopg.errors.UndefinedTable:
            return 0
        return int(row[0]) if row else 0

    def _no_password(self) -> None:
        for path in (self.scene.folder / "report").glob("*"):
            if PASSWORD.encode() in path.read_bytes():
                self.wrong(f"the password is in {path.name}")

    def _size(self) -> int:
        """The database's bytes on disk.

        A server that crashes may leave files of what it had not committed behind, of which its catalogue knows nothing
        any more, and which are not litelift's to remove: then only what it knows counts.
        """
        crashed = any(kind in ("server", "disk") for kind, _, _ in self.scene.strikes)
        known = "select sum(pg_relation_size(oid)) from pg_class"
        query = known if crashed else "select pg_database_size(current_database())"
        with self.scene.server.admin(self.scene.database) as admin:
            admin.execute("checkpoint")
            row = admin.execute(query).fetchone()
        return int(row[0]) if row else 0

    def wrong(self, words: str) -> None:
        """Note what is not as allowed."""
        self.scene.wrong.append(words)


def looks(path: Path) -> tuple[str, int, tuple[str, ...]]:
    """A file's digest, its time, and what lies beside it that holds anything."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    beside = sorted(
        one.name for one in path.parent.glob(f"{path.name}*") if not one.name.endswith("-shm") and one.stat().st_size
    )
    return digest, path.stat().st_mtime_ns, tuple(beside)
