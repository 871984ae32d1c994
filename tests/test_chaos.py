"""Broken at random moments, a move comes through, or goes on, or is taken back; nothing is lost, doubled or hangs.

A short soak of each kind of fault, always the same; ``make chaos`` is the long one. And what the soak itself must see.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from chaos.compare import compare, picture
from chaos.databases import make
from chaos.proxy import Proxy, Trap
from chaos.soak import KINDS, Plan, Stage, databases, possible
from command import litelift

SEED = "suite"
SHAPE = "small"
TRIALS = 3


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # Not pytest's own: the server's user has to pass through.
    with TemporaryDirectory(prefix="litelift-chaos-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def stage(folder: Path) -> Iterator[Stage]:
    plan = Plan(SEED, tuple(KINDS), (SHAPE,))
    made = Stage(folder / "stage", plan, {})
    with made.close:
        made.usual.update(databases(plan, folder / "databases", made.server()))
        yield made


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_or_doubled_and_nothing_hangs(stage: Stage, kind: str) -> None:
    if not possible([kind])[0]:
        pytest.skip("mount: this user may not, and a disk that fills takes one")
    numbers = [number for number in range(1000) if stage.plan.kind(number) == kind][:TRIALS]
    outcomes = [stage.trial(number) for number in numbers]
    assert not any(outcome.bad for outcome in outcomes), "\n".join(
        line for outcome in outcomes for line in [outcome.line(), *outcome.wrong]
    )
    assert any(outcome.strikes for outcome in outcomes)


# --------------------------------------------------------------------- what the soak must see


@pytest.fixture(scope="module")
def arrived(stage: Stage) -> Path:
    """The source of a move into the database ``arrived``."""
    path = stage.usual[SHAPE].path
    stage.server().fresh("arrived")
    url = stage.server().url("arrived")
    assert litelift("migrate", path, url, "--report", path.parent / "arrived").status == 3
    return path


@pytest.fixture
def moved(stage: Stage, arrived: Path) -> Iterator[tuple[Path, psycopg.Connection[object]]]:
    """A move's source, and a copy of its target."""
    with stage.server().admin() as admin:
        admin.execute("create database seen template arrived")
    with stage.server().admin("seen") as target:
        yield arrived, target
    stage.server().drop("seen")


@pytest.mark.parametrize(
    ("statement", "lost", "doubled"),
    [
        ("delete from public.keyless where ctid = (select min(ctid) from public.keyless)", 1, 0),
        ("insert into public.keyless select * from public.keyless limit 1", 0, 1),
        ("update public.big set amount = amount + 1 where id = (select min(id) from public.big)", 1, 1),
        ("update public.files set body = body || '\\x00' where id = 17", 1, 1),
        ("delete from litelift.quarantine where column_name is null", 1, 0),
        ("insert into litelift.quarantine select * from litelift.quarantine where column_name is null", 0, 1),
    ],
)
def test_the_comparison_sees_a_single_row(
    moved: tuple[Path, psycopg.Connection[object]], statement: str, lost: int, doubled: int
) -> None:
    path, target = moved
    assert compare(path, target).wrong == []
    target.execute(statement)
    compared = compare(path, target)
    assert (compared.lost, compared.doubled) == (lost, doubled), compared.wrong


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("drop index public.big_amount", "catalogue"),
        ("alter table public.small_part drop constraint small_part_big_fkey", "catalogue"),
        ("alter table public.big alter column id restart with 5", "sequences"),
        ("update litelift.unit set rows = rows + 1 where table_name = 'big'", "units"),
        ("update litelift.run set state = 'running'", "runs"),
    ],
)
def test_the_picture_sees_what_is_not_as_after_the_undisturbed_move(
    stage: Stage, moved: tuple[Path, psycopg.Connection[object]], statement: str, word: str
) -> None:
    usual, target = stage.usual[SHAPE].picture, moved[1]
    assert usual.unlike(picture(target, stage.server().dump("seen"))) == []
    target.execute(statement)
    assert [words.split(":")[0] for words in usual.unlike(picture(target, stage.server().dump("seen")))] == [word]


@pytest.mark.parametrize(("side", "letter", "there"), [("server", b"C", 1), ("client", b"Q", 0)])
def test_the_proxy_cuts_when_a_commit_or_its_answer_is_on_its_way(
    stage: Stage, side: str, letter: bytes, there: int
) -> None:
    server = stage.server()
    server.fresh("cut")
    proxy = Proxy(server.port)
    with server.admin("cut") as admin:
        admin.execute("create table public.t(n int); grant all on public.t to mover")
        proxy.trap = Trap("server" if side == "server" else "client", letter, (b"COMMIT",), 2, True, "rst")
        with psycopg.connect(server.url("cut", proxy.port)) as connection:
            connection.execute("insert into public.t values (1)")
            connection.commit()
            connection.execute("insert into public.t values (2)")
            with pytest.raises(psycopg.OperationalError):
                connection.commit()
        assert admin.execute("select count(*) from public.t").fetchone() == (1 + there,)
    proxy.close()
    server.drop("cut")


def test_a_database_of_a_seed_is_always_the_same(tmp_path: Path) -> None:
    dumps = []
    for number in range(2):
        path = tmp_path / f"{number}.sqlite"
        make(path, SHAPE, "7")
        connection = sqlite3.connect(path)
        dumps.append(list(connection.iterdump()))
        connection.close()
    assert dumps[0] == dumps[1]
