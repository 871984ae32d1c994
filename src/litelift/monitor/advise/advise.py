"""Everything that is advised for one database, put together so that no two pieces contradict each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.conninfo import conninfo_to_dict

from litelift.monitor.advise import foreign_key_indexes, query_indexes
from litelift.monitor.advise.advice import Advice, Kind, ranked
from litelift.monitor.advise.machine import Machine, machine_of
from litelift.monitor.advise.new_index import advice_for, only_widest
from litelift.monitor.advise.planning import Planner
from litelift.monitor.advise.rules_memory import connection_rules, core_rules, memory_rules
from litelift.monitor.advise.rules_roles import read_role, role_rules
from litelift.monitor.advise.rules_safety import safety_rules
from litelift.monitor.advise.rules_speed import seeing_rules, speed_rules
from litelift.monitor.advise.rules_tables import table_rules
from litelift.monitor.advise.server_facts import Facts, read_facts
from litelift.monitor.advise.server_settings import ServerSettings, elements, read_settings
from litelift.monitor.advise.statements import Statements, read_statements
from litelift.monitor.advise.superfluous_indexes import droppable
from litelift.monitor.advise.tables import Table, read_tables
from litelift.monitor.baseline import read_baseline
from litelift.monitor.counted import used_since
from litelift.monitor.foreign_keys import ForeignKey, read_foreign_keys
from litelift.monitor.indexes import Index, read_indexes
from litelift.monitor.look import ServerFacts
from litelift.monitor.session import refuse_pooled, server_facts, session
from litelift.monitor.statement import shown
from litelift.monitor.watched import Watched
from litelift.postgres.connect import Connection, stopped
from litelift.report.format import count, milliseconds, percent
from litelift.report.text import visible

JIT = 0.1
"""The part of all statements' time from which on compiling them does more harm than good."""
_TAKEN = (
    "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where "
    "n.nspname !~ '^pg_'"
)
_SOURCE = '11.12 "Examining Index Usage"'


@dataclass(frozen=True, slots=True)
class Advised:
    """What is advised."""

    at: datetime
    database: str
    server: str
    """Its version."""
    machine: Machine
    advice: tuple[Advice, ...]
    """The most worth first, among those of each kind."""
    notes: tuple[str, ...] = ()
    """What could not be looked at, and why."""


@dataclass(frozen=True)
class _Around:
    """What all the parts look at."""

    connection: Connection
    facts: ServerFacts
    settings: ServerSettings
    counted: timedelta | None
    notes: list[str]


def advise(
    watched: Watched, *, memory: str | None = None, cores: float | None = None, disk: str | None = None
) -> Advised:
    """Look at a database and its server, writing nothing, and say what would be better.

    Args:
        watched: the database.
        memory: the server's, as "16GB", where it is not this machine's.
        cores: the server's.
        disk: "ssd" or "hdd".

    Raises:
        UsageError: what was told is no memory, no cores. TargetError: the server is not reached, or only through a
            pooler; or it ended the work.
    """
    with session(watched.logins) as connection:
        try:
            refuse_pooled(connection)
            # Whoever waits for a lock of this session, in the middle of the night, does so for a second at most.
            connection.execute("select set_config('statement_timeout', '30s', false), set_config('jit', 'off', false)")
            return _advised(connection, watched, machine_of(connection, watched, memory, cores, disk))
        except psycopg.Error as error:
            raise stopped(error) from error


def _advised(connection: Connection, watched: Watched, machine: Machine) -> Advised:
    facts = server_facts(connection)
    settings = read_settings(connection, superuser=facts.superuser)
    now = datetime.now(UTC)
    since = used_since(connection, read_baseline(watched.folder))
    notes: list[str] = []
    around = _Around(connection, facts, settings, now - since if since is not None else None, notes)
    numbers = read_facts(connection)
    libraries = settings.by_name.get("shared_preload_libraries")
    loaded = "pg_stat_statements" in elements(libraries.setting) if libraries is not None else None
    statements = read_statements(connection, loaded=loaded, installed=numbers.has_statements)
    found = [*_of_settings(around, watched, machine, numbers, statements)]
    if facts.standby:
        notes.append(
            "This is a standby: what its indexes are used for is known on the primary, where they are made and dropped"
        )
    else:
        found += _of_indexes(around, statements, standbys=numbers.standbys)
    return Advised(now, connection.info.dbname, facts.version_words, machine, tuple(ranked(found)), tuple(notes))


def _of_settings(
    around: _Around, watched: Watched, machine: Machine, numbers: Facts, statements: Statements
) -> list[Advice]:
    settings, notes = around.settings, around.notes
    local = machine.available is not None
    if machine.memory is None:
        notes.append(f"The server's memory is {machine.known_from or 'not known'}: say it with --memory 16GB --cores 8")
    found = [
        *memory_rules(settings, machine, numbers),
        *core_rules(settings, machine, standbys=numbers.standbys),
        *connection_rules(settings, machine, numbers),
        *safety_rules(settings, numbers),
        *speed_rules(settings, machine, numbers, local=local),
        *seeing_rules(settings, numbers, local=local),
    ]
    if "jit" in settings and settings.is_on("jit") and statements.jit > JIT * statements.total > 0:
        share = percent(100 * statements.jit / statements.total)
        why = f"{share} of the time of all statements went to compiling them"
        found.append(
            settings.advice(
                "jit",
                "off",
                why,
                gain="short queries are not compiled",
                weight=50,
                source='32.1 "What Is JIT compilation?"',
            )
        )
    login = str(conninfo_to_dict(watched.backups.dsn).get("user") or "")
    role = read_role(around.connection, login, superuser=around.facts.superuser) if login else None
    if role is not None:
        longest = (statements.longest or {}).get(role.name)
        database = around.connection.info.dbname
        found += role_rules(settings, role, database, longest / 1000 if longest is not None else None)
    if statements.make is not None:
        blocked = None if around.facts.superuser else "let a superuser run it"
        found.append(
            Advice(
                "setting",
                "pg_stat_statements",
                statements.missing or "",
                "not in this database",
                "its view",
                "slow queries are seen",
                57,
                (statements.make,),
                ("DROP EXTENSION IF EXISTS pg_stat_statements",),
                'F.32 "pg_stat_statements"',
                blocked=blocked,
            )
        )
    elif statements.missing is not None:
        notes.append(f"Slow queries are not known: {statements.missing}")
    waiting = sorted(name for name, one in settings.by_name.items() if one.pending)
    found = [one for one in found if one.object not in waiting]
    if waiting:
        values = [f"{name} = {(settings.waiting or {}).get(name, 'another value')}" for name in waiting]
        found.append(
            Advice(
                "setting",
                "restart",
                f"{', '.join(values)}: set, and not in force before the server is restarted",
                "waiting",
                "a restart of the server",
                "what was set holds",
                75,
                (),
                (),
                '20.1 "Setting Parameters"',
                restart=True,
                blocked="restart the server when nobody works with it",
            )
        )
    return found


def _of_indexes(around: _Around, statements: Statements, *, standbys: bool) -> list[Advice]:
    connection, notes = around.connection, around.notes
    tables = read_tables(connection)
    indexes = read_indexes(connection)
    keys = read_foreign_keys(connection, indexes)
    if standbys:
        notes.append(
            "There are standbys: whether an index is used there is not known here, so that no unused one is named"
        )
    dropped = {
        index.oid: advice
        for index, advice in droppable(connection, indexes, keys, tables, around.counted, standbys=standbys)
    }
    staying = [index for index in indexes if index.oid not in dropped]
    unknown = [table.place for table in tables.values() if not table.analyzed and table.bytes]
    if unknown:
        notes.append(
            f"{count(len(unknown), 'table')} never analyzed (ANALYZE): no index is advised for "
            f"{'them' if len(unknown) > 1 else 'it'}"
        )
    return [
        *table_rules(connection, tables, around.settings),
        *dropped.values(),
        *_new(around, statements, tables, staying, keys),
    ]


def _new(
    around: _Around,
    statements: Statements,
    tables: Mapping[int, Table],
    staying: Sequence[Index],
    keys: Sequence[ForeignKey],
) -> list[Advice]:
    connection, notes = around.connection, around.notes
    planner = Planner(connection)
    by_key = dict(foreign_key_indexes.wanted(keys, tables, staying, around.counted))
    found = query_indexes.find(connection, statements.slow, tables, staying, planner)
    if statements.slow and planner.hypopg is None:
        notes.append(
            "Indexes for slow queries are guesses: with the extension hypopg (Debian: "
            "postgresql-VERSION-hypopg; CREATE EXTENSION hypopg) "
            "the planner is asked whether it would use them"
        )
    if found.unread or statements.hidden:
        unread = count(found.unread + statements.hidden, "slow statement")
        notes.append(
            f"{unread} could not be judged: views, functions of the application, or words that the login may not read"
        )
    taken = {(str(row[0]), str(row[1])) for row in connection.execute(_TAKEN).fetchall()}
    chosen = only_widest([*by_key, *found.gains])
    made: list[Advice] = []
    for index in dict.fromkeys(chosen.values()):
        reasons = [
            foreign_key_indexes.why(by_key[one], one.table, around.counted) for one in by_key if chosen[one] == index
        ]
        gains = [found.gains[one] for one in found.gains if chosen[one] == index]
        kind: Kind = "query-index" if gains else "foreign-key-index"
        weight = sum(gain.milliseconds for gain in gains) or float(
            sum(key.rows * max(key.deleted, 1) for one, key in by_key.items() if chosen[one] == index)
        )
        why = "; ".join([*(_why(gain) for gain in gains), *reasons])
        gain = _gained(gains) if gains else "deletes and joins find the rows without reading the whole table"
        advice = advice_for(
            index,
            kind,
            taken,
            why=why,
            gain=gain,
            weight=weight,
            source=_SOURCE if gains else foreign_key_indexes.SOURCE,
            sure=not gains or planner.hypopg is not None,
            user=connection.info.user,
        )
        assert advice.makes is not None
        taken.add(advice.makes)
        made.append(advice)
    return made


def _why(gain: query_indexes.Gain) -> str:
    statement, before, after = max(gain.statements, key=lambda one: one[0].total)
    words = visible(shown(statement.query))
    more = f" (and {count(len(gain.statements) - 1, 'other statement')})" if len(gain.statements) > 1 else ""
    seen = f"{statement.calls:,} calls of {milliseconds(statement.mean)} on average{more}: {words}"
    if after:
        return f"{seen}. The planner's cost falls from {before:,.0f} to {after:,.0f}"
    return f"{seen}. It reads the whole table for about {count(int(gain.rows), 'row')}"


def _gained(gains: Sequence[query_indexes.Gain]) -> str:
    sure = [one for gain in gains for one in gain.statements if one[2]]
    if not sure:
        return "a guess: the table is not read from end to end"
    total = sum(one[0].total for one in sure)
    return (
        f"about {percent(100 * sum(one[0].total * (1 - one[2] / one[1]) for one in sure) / total)} of "
        "these statements' time"
        if total
        else "their time"
    )
