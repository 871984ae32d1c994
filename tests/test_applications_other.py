"""What the ORMs of other languages write into SQLite, and the PostgreSQL schemas that they make for the same models.

Each case is the part of a real schema that is that framework's own; sources and targets were made with the frameworks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from litelift import migrate, verify
from litelift.move.fill import count_objects, lost_objects
from litelift.postgres.existing import read_target
from litelift.result import MigrationResult

Make = Callable[..., Path]


@dataclass(frozen=True)
class Framework:
    """A source, the target that the framework makes, and what PostgreSQL then answers (all as text)."""

    name: str
    source: str
    target: str
    query: str
    answer: tuple[tuple[str | None, ...], ...]
    exits: int = 0


FRAMEWORKS = [
    Framework(
        "sequelize",
        """
        CREATE TABLE `Teams` (`id` UUID NOT NULL PRIMARY KEY, `plan` TEXT NOT NULL DEFAULT 'free', `settings` JSON,
            `createdAt` DATETIME NOT NULL, `deletedAt` DATETIME);
        CREATE TABLE `Users` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, `isAdmin` TINYINT(1) NOT NULL DEFAULT 0,
            `balance` DECIMAL(12,4) DEFAULT 0, `born` DATE, `avatar` BLOB,
            `teamId` UUID REFERENCES `Teams` (`id`) ON DELETE CASCADE ON UPDATE CASCADE);
        INSERT INTO `Teams` VALUES ('0a2e8d3f-5bd1-4d43-9a0c-6d5c7f2b1e11', 'pro', '{"b":[1,2.50,null]}',
            '2026-11-23 07:17:45.811 +00:00', NULL);
        INSERT INTO `Users` VALUES (7, 1, 1234567.8901, '1950-02-28', x'00ff', '0a2e8d3f-5bd1-4d43-9a0c-6d5c7f2b1e11');
        """,
        """
        CREATE TYPE "enum_Teams_plan" AS ENUM ('free', 'pro', 'enterprise');
        CREATE TABLE "Teams" (id uuid PRIMARY KEY, plan "enum_Teams_plan" DEFAULT 'free' NOT NULL, settings jsonb,
            "createdAt" timestamptz NOT NULL, "deletedAt" timestamptz);
        CREATE TABLE "Users" (id serial PRIMARY KEY, "isAdmin" boolean DEFAULT false NOT NULL,
            balance numeric(12,4) DEFAULT 0, born date, avatar bytea,
            "teamId" uuid REFERENCES "Teams"(id) ON UPDATE CASCADE ON DELETE CASCADE);
        """,
        """
        SELECT plan, settings, "createdAt" AT TIME ZONE 'UTC', "isAdmin", balance, born, avatar,
            nextval('"Users_id_seq"') FROM "Users" u JOIN "Teams" t ON t.id = u."teamId"
        """,
        (
            (
                "pro",
                '{"b": [1, 2.50, null]}',
                "2026-11-23 07:17:45.811",
                "t",
                "1234567.8901",
                "1950-02-28",
                "\\x00ff",
                "8",
            ),
        ),
    ),
    Framework(
        "knex writes a Date as milliseconds beside CURRENT_TIMESTAMP and ISO texts",
        """
        CREATE TABLE `knex_migrations` (`id` integer not null primary key autoincrement, `name` varchar(255),
            `batch` integer, `migration_time` datetime);
        CREATE TABLE `people` (`id` integer not null primary key autoincrement, `active` boolean not null default '1',
            `seen` datetime default CURRENT_TIMESTAMP, `cfg` json default '{}', `tags` json,
            `role` text check (`role` in ('owner', 'member')) not null default 'member');
        INSERT INTO knex_migrations VALUES (1, 'sqlite_only.js', 1, 1795419126771);
        INSERT INTO people VALUES (1, 1, 1700000000123, '{"z":1.50}', '["a","q\\"b"]', 'owner'),
            (2, '1', '2024-03-01 10:00:00', '5', '[]', 'member'),
            (3, 0, '2024-03-01T10:00:00.5Z', '"s"', NULL, 'member');
        """,
        """
        CREATE TABLE knex_migrations (id serial PRIMARY KEY, name varchar(255), batch integer,
            migration_time timestamptz);
        INSERT INTO knex_migrations (name, batch) VALUES ('pg_only.js', 1);
        CREATE TABLE people (id serial PRIMARY KEY, active boolean DEFAULT true NOT NULL,
            seen timestamptz DEFAULT CURRENT_TIMESTAMP, cfg json DEFAULT '{}', tags text[],
            role text DEFAULT 'member' NOT NULL, CONSTRAINT people_role_check CHECK (role IN ('owner', 'member')));
        """,
        "SELECT p.id, active, seen AT TIME ZONE 'UTC', cfg, tags, name FROM people p, knex_migrations ORDER BY p.id",
        (
            ("1", "t", "2023-11-14 22:13:20.123", '{"z":1.50}', '{a,"q\\"b"}', "pg_only.js"),
            ("2", "t", "2024-03-01 10:00:00", "5", "{}", "pg_only.js"),
            ("3", "f", "2024-03-01 10:00:00.5", '"s"', None, "pg_only.js"),
        ),
    ),
    Framework(
        "typeorm",
        """
        CREATE TABLE "category" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "parentId" integer,
            CONSTRAINT "FK_d5456fd7e4c4866fec8ada1fa10" FOREIGN KEY ("parentId") REFERENCES "category" ("id")
            ON DELETE CASCADE ON UPDATE NO ACTION);
        CREATE TABLE "user_entity" ("id" varchar PRIMARY KEY NOT NULL, "isActive" boolean NOT NULL DEFAULT (1),
            "role" varchar CHECK( "role" IN ('admin','guest user') ) NOT NULL DEFAULT ('admin'), "tags" text,
            "createdAt" datetime NOT NULL DEFAULT (datetime('now')), "wake" time, "categoryId" integer,
            CONSTRAINT "CHK_c8d7c4bd9e" CHECK ("isActive" >= 0));
        INSERT INTO category VALUES (1, NULL), (2, 1);
        INSERT INTO user_entity VALUES ('5c556a8a-c5b1-4df4-920b-4808ea55d535', 0, 'guest user', 'x,y',
            '2026-11-23 07:26:05', '08:30:00', 2);
        """,
        """
        CREATE TYPE user_entity_role_enum AS ENUM ('admin', 'guest user');
        CREATE TABLE category (id serial CONSTRAINT "PK_9c4e4a89e3674fc9f382d733f03" PRIMARY KEY, "parentId" integer
            CONSTRAINT "FK_d5456fd7e4c4866fec8ada1fa10" REFERENCES category(id) ON DELETE CASCADE);
        CREATE TABLE user_entity (id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
            "isActive" boolean DEFAULT true NOT NULL, role user_entity_role_enum DEFAULT 'admin' NOT NULL, tags text,
            "createdAt" timestamptz DEFAULT now() NOT NULL,
            wake time, "categoryId" integer);
        CREATE INDEX "IDX_active" ON user_entity ("categoryId") WHERE "isActive" = true;
        """,
        """
        SELECT u.id, "isActive", role, tags, "createdAt" AT TIME ZONE 'UTC', wake, "parentId",
            nextval('category_id_seq') FROM user_entity u JOIN category c ON c.id = "categoryId"
        """,
        (
            (
                "5c556a8a-c5b1-4df4-920b-4808ea55d535",
                "f",
                "guest user",
                "x,y",
                "2026-11-23 07:26:05",
                "08:30:00",
                "1",
                "3",
            ),
        ),
    ),
    Framework(
        "drizzle keeps a bigint as digits in a blob, JSON in a blob, and its books in another schema",
        """
        CREATE TABLE "__drizzle_migrations" (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric);
        INSERT INTO "__drizzle_migrations" (hash, created_at) VALUES ('c0ffee', 1795419126771);
        CREATE TABLE `users` (`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
            `is_admin` integer DEFAULT false NOT NULL, `created_at` integer DEFAULT (unixepoch()) NOT NULL,
            `seen_ms` integer, `bj` blob, `bb` blob, `amount` numeric,
            `full` text GENERATED ALWAYS AS (id || '!') STORED);
        INSERT INTO users (id, is_admin, created_at, seen_ms, bj, bb, amount)
            VALUES (4, 1, 1700000001, 1700000000007, cast('{"x":[1]}' as blob), cast('9007199254740993' as blob),
                '1.10'),
            (5, 0, 1700000002, NULL, NULL, cast('-3' as blob), NULL);
        """,
        """
        CREATE SCHEMA drizzle;
        CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
        CREATE TABLE users (id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
            is_admin boolean DEFAULT false NOT NULL, created_at timestamptz DEFAULT now() NOT NULL,
            seen_ms timestamp(3) DEFAULT now(), bj json, bb bigint,
            amount numeric, "full" text GENERATED ALWAYS AS (id::text || '!') STORED);
        """,
        """
        SELECT is_admin, created_at AT TIME ZONE 'UTC', seen_ms, bj, bb, amount, "full" FROM users ORDER BY id
        """,
        (
            ("t", "2023-11-14 22:13:21", "2023-11-14 22:13:20.007", '{"x":[1]}', "9007199254740993", "1.1", "4!"),
            ("f", "2023-11-14 22:13:22", None, None, "-3", None, "5!"),
        ),
    ),
    Framework(
        "mikro-orm joins an array's items with commas and counts milliseconds",
        """
        CREATE TABLE `author` (`id` integer not null primary key autoincrement, `active` integer not null default true,
            `at` datetime null, `born` date null, `tags` text null, `data` json null, `boss_id` integer null,
            constraint `author_boss_id_foreign` foreign key(`boss_id`) references `author`(`id`) on delete set null);
        INSERT INTO author VALUES (1, 1, 1700000000001, '1971-02-11', 'a,b c', '"s"', NULL),
            (2, 0, 40000002000, NULL, '', '5', 1), (3, 0, -4999999997, NULL, NULL, 'null', 2);
        """,
        """
        CREATE TABLE author (id serial PRIMARY KEY, active boolean DEFAULT true NOT NULL, at timestamptz(0), born date,
            tags text[], data jsonb, boss_id integer REFERENCES author(id) ON DELETE SET NULL);
        """,
        "SELECT active, at AT TIME ZONE 'UTC', born, tags, data, boss_id FROM author ORDER BY id",
        (
            ("t", "2023-11-14 22:13:20", "1971-02-11", '{a,"b c"}', '"s"', None),
            ("f", "1971-04-08 23:06:42", None, "{}", "5", "1"),
            ("f", "1969-11-04 03:06:40", None, None, "null", "2"),
        ),
    ),
    Framework(
        "rails",
        """
        CREATE TABLE "schema_migrations" ("version" varchar NOT NULL PRIMARY KEY);
        INSERT INTO schema_migrations VALUES ('20240102030405');
        CREATE TABLE "ar_internal_metadata" ("key" varchar NOT NULL PRIMARY KEY, "value" varchar,
            "created_at" datetime(6) NOT NULL, "updated_at" datetime(6) NOT NULL);
        INSERT INTO ar_internal_metadata VALUES ('environment', 'development', '2026-11-23 07:38:50',
            '2026-11-23 07:38:50');
        CREATE TABLE "users" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "admin" boolean DEFAULT 0 NOT NULL,
            "tiny" integer(2), "money" decimal(12,2) DEFAULT 0.0, "wake" time(6), "seen" datetime, "seen6" datetime(6),
            "data" json, "age" integer, CONSTRAINT age_positive CHECK (age >= 0));
        INSERT INTO users VALUES (2, 't', -1, 3.3, '2000-01-01 01:02:03.456789', '1969-12-31 23:59:59',
            '2024-01-01 00:00:01.123456', '"s"', 3), (3, 0, 1, 7, NULL, '2024-01-01T00:00:00Z', NULL, '[1]', NULL);
        """,
        """
        CREATE TABLE schema_migrations (version varchar PRIMARY KEY);
        INSERT INTO schema_migrations VALUES ('20240102030405');
        CREATE TABLE ar_internal_metadata (key varchar PRIMARY KEY, value varchar, created_at timestamp(6) NOT NULL,
            updated_at timestamp(6) NOT NULL);
        CREATE TABLE users (id bigserial PRIMARY KEY, admin boolean DEFAULT false NOT NULL, tiny smallint,
            money numeric(12,2) DEFAULT 0.0, wake time(6), seen timestamp, seen6 timestamp(6), data json, age integer,
            CONSTRAINT age_positive CHECK (age >= 0));
        """,
        "SELECT admin, tiny, money, wake, seen, seen6, data FROM users ORDER BY id",
        (
            ("t", "-1", "3.30", "01:02:03.456789", "1969-12-31 23:59:59", "2024-01-01 00:00:01.123456", '"s"'),
            ("f", "1", "7.00", None, "2024-01-01 00:00:00", None, "[1]"),
        ),
    ),
    Framework(
        "laravel",
        """
        CREATE TABLE "things" ("id" integer not null primary key autoincrement, "owner_type" varchar not null,
            "owner_id" varchar not null, "bin" blob, "utiny" integer, "tmtz" time, "d" date, "dttz" datetime,
            "code" varchar, "role" varchar check ("role" in ('admin', 'us"er')) not null default 'us"er',
            "ip" varchar, "doubled" varchar as (code || '!') stored);
        INSERT INTO things (id, owner_type, owner_id, bin, utiny, tmtz, d, dttz, code, role, ip) VALUES
            (1, 'App\\Models\\User', '00000001-0000-4000-8000-000000000001', cast(x'00ff27' as text), 200,
             '10:20:30+04:00', '2024-02-11 00:00:00', '2024-02-01 01:02:03+04:00', 'ab', 'us"er', '::1');
        """,
        """
        CREATE TABLE things (id bigserial PRIMARY KEY, owner_type varchar(255) NOT NULL, owner_id uuid NOT NULL,
            bin bytea, utiny smallint, tmtz time(0) with time zone, d date, dttz timestamp(0) with time zone,
            code char(3), role varchar(255) DEFAULT 'us"er' NOT NULL, ip inet,
            doubled varchar(255) GENERATED ALWAYS AS (code || '!') STORED,
            CONSTRAINT things_role_check CHECK (role IN ('admin', 'us"er')));
        CREATE INDEX things_owner ON things (owner_type, owner_id);
        """,
        "SELECT owner_type, owner_id, bin, utiny, tmtz, d, dttz AT TIME ZONE 'UTC', code, role, ip FROM things",
        (
            (
                "App\\Models\\User",
                "00000001-0000-4000-8000-000000000001",
                "\\x00ff27",
                "200",
                "10:20:30+04",
                "2024-02-11",
                "2024-01-31 21:02:03",
                "ab ",
                'us"er',
                "::1",
            ),
        ),
    ),
    Framework(
        "doctrine asks a sequence that belongs to no column",
        """
        CREATE TABLE product (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, price NUMERIC(10, 2) NOT NULL,
            isOn BOOLEAN DEFAULT 1 NOT NULL, t TIME DEFAULT NULL, dtz DATETIME DEFAULT NULL,
            di2 VARCHAR(255) DEFAULT NULL --(DC2Type:dateinterval)
            , j CLOB DEFAULT NULL --(DC2Type:json)
            , bi BLOB DEFAULT NULL);
        INSERT INTO product VALUES (30, 1.15, 0, '10:11:12', '2024-05-06 07:08:09', '+P00Y00M01DT02H00M00S', '{"a":1}',
            x'0001fe');
        """,
        """
        CREATE SEQUENCE product_id_seq INCREMENT BY 1 MINVALUE 1 START 1;
        CREATE TABLE product (id INT NOT NULL, price NUMERIC(10, 2) NOT NULL, isOn BOOLEAN DEFAULT true NOT NULL,
            t TIME(0) WITHOUT TIME ZONE DEFAULT NULL, dtz TIMESTAMP(0) WITH TIME ZONE DEFAULT NULL,
            di2 VARCHAR(255) DEFAULT NULL, j JSON DEFAULT NULL, bi BYTEA DEFAULT NULL, PRIMARY KEY(id));
        COMMENT ON COLUMN product.j IS '(DC2Type:json)';
        """,
        "SELECT ison, price, t, dtz AT TIME ZONE 'UTC', di2, j, bi, nextval('product_id_seq') FROM product",
        (
            (
                "f",
                "1.15",
                "10:11:12",
                "2024-05-06 07:08:09",
                "+P00Y00M01DT02H00M00S",
                '{"a":1}',
                "\\x0001fe",
                "31",
            ),
        ),
    ),
]


def _rows(database: str, query: str) -> tuple[tuple[str | None, ...], ...]:
    """What the server answers, each value as psql would show it."""
    with psycopg.connect(database, options="-c timezone=UTC") as connection:
        cursor = connection.cursor()
        with cursor.copy(f"COPY ({query}) TO STDOUT".encode()) as copy:
            lines = b"".join(bytes(block) for block in copy).decode().splitlines()
    return tuple(tuple(None if f == "\\N" else f.replace("\\\\", "\\") for f in line.split("\t")) for line in lines)


def _into(source: Path, database: str, target: str, exits: Sequence[int] = (0,)) -> MigrationResult:
    """Move into the target that an application made; nothing of it may be lost, and verify must agree."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(target.encode())
        before = read_target(connection, "public")
    result = migrate(source, database, data_only=True)
    assert result.exit_code in exits, result.notices
    with psycopg.connect(database, autocommit=True) as connection:
        assert lost_objects(before, connection) == []
        assert count_objects(read_target(connection, "public")) == count_objects(before)
    assert verify(source, database).ok
    return result


@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda framework: framework.name.split()[0])
def test_a_framework_finds_its_values_again_in_the_schema_that_it_made(
    framework: Framework, make_sqlite: Make, database: str
) -> None:
    _into(make_sqlite(framework.source), database, framework.target)
    assert _rows(database, framework.query) == framework.answer


@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda framework: framework.name.split()[0])
def test_what_a_framework_wrote_moves_whole(framework: Framework, make_sqlite: Make, database: str) -> None:
    source = make_sqlite(framework.source)
    result = migrate(source, database)
    assert result.exit_code in (0, 3)
    assert result.quarantined_total == 0
    assert verify(source, database).ok


BIRTHDAYS = """
    CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME);
    INSERT INTO t VALUES (1, 42249600000), (2, -21000), (3, 0), (4, 1700000000123), (5, -90000000000), (6, 1500000000),
        (7, 99999999999), (8, NULL);
"""
BORN = (
    "1971-05-05 00:00:00",
    "1969-12-31 23:59:39",
    "1970-01-01 00:00:00",
    "2023-11-14 22:13:20.123",
    "1967-02-24 08:00:00",
    "1970-01-18 08:40:00",
    "1973-03-03 09:46:39.999",
)


@pytest.mark.parametrize("data_only", [False, True])
def test_milliseconds_near_1970_are_not_taken_for_seconds(data_only: bool, make_sqlite: Make, database: str) -> None:
    source = make_sqlite(BIRTHDAYS)
    if data_only:
        _into(source, database, "CREATE TABLE t (id int PRIMARY KEY, at timestamptz)")
    else:
        assert migrate(source, database).exit_code == 0
    answer = _rows(database, "SELECT at AT TIME ZONE 'UTC' FROM t ORDER BY id")
    assert answer == tuple((moment,) for moment in (*BORN, None))
    assert verify(source, database).ok


@pytest.mark.parametrize("data_only", [False, True])
def test_seconds_beside_milliseconds_are_still_read_by_their_size(
    data_only: bool, make_sqlite: Make, database: str
) -> None:
    source = make_sqlite("""
        CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME);
        INSERT INTO t VALUES (1, 1700000000), (2, 1700000000123), (3, '1700000001'), (4, '1700000000124'), (5, -86400),
            (6, -62135596800), (7, 1700000000123456);
    """)
    if data_only:
        _into(source, database, "CREATE TABLE t (id int PRIMARY KEY, at timestamp)")
    else:
        assert migrate(source, database).exit_code == 0
    assert _rows(database, "SELECT at::timestamptz AT TIME ZONE 'UTC' FROM t ORDER BY id") == (
        ("2023-11-14 22:13:20",),
        ("2023-11-14 22:13:20.123",),
        ("2023-11-14 22:13:21",),
        ("2023-11-14 22:13:20.124",),
        ("1969-12-31 00:00:00",),
        ("0001-01-01 00:00:00",),
        ("2023-11-14 22:13:20.123456",),
    )


def test_the_last_moment_of_the_year_9999_is_known_in_any_unit(make_sqlite: Make, database: str) -> None:
    source = make_sqlite("""
        CREATE TABLE s (id INTEGER PRIMARY KEY, at DATETIME);
        INSERT INTO s VALUES (1, 1700000000), (2, 253402300799);
        CREATE TABLE m (id INTEGER PRIMARY KEY, at DATETIME);
        INSERT INTO m VALUES (1, 1700000000123), (2, 253402300799999), (3, 253402214400000);
    """)
    assert migrate(source, database).exit_code == 0
    assert verify(source, database).ok
    assert _rows(database, "SELECT at AT TIME ZONE 'UTC' FROM s WHERE id = 2") == (("9999-12-31 23:59:59",),)
    assert _rows(database, "SELECT at AT TIME ZONE 'UTC' FROM m WHERE id > 1 ORDER BY id") == (
        ("9999-12-31 23:59:59.999",),
        ("9999-12-31 00:00:00",),
    )


def test_birthdays_kept_as_milliseconds_become_dates(make_sqlite: Make, database: str) -> None:
    source = make_sqlite("""
        CREATE TABLE t (id INTEGER PRIMARY KEY, born DATE);
        INSERT INTO t VALUES (1, 42249600000), (2, 951609600000), (3, -86400000), (4, '1980-02-03');
    """)
    _into(source, database, "CREATE TABLE t (id int PRIMARY KEY, born date)")
    answer = (("1971-05-05",), ("2000-02-27",), ("1969-12-31",), ("1980-02-03",))
    assert _rows(database, "SELECT born FROM t ORDER BY id") == answer


def test_values_written_as_text_into_blobs_are_read_by_the_target_s_type(make_sqlite: Make, database: str) -> None:
    source = make_sqlite("""
        CREATE TABLE t (id INTEGER PRIMARY KEY, n BLOB, r BLOB, d BLOB, b BLOB, at BLOB, day BLOB);
        INSERT INTO t VALUES (1, cast('12' as blob), cast('1.5' as blob), cast('2.50' as blob), cast('true' as blob),
            cast('2024-01-02 03:04:05' as blob), cast('2024-01-02' as blob));
        INSERT INTO t (id, n) VALUES (2, x'ff00');
    """)
    target = """
        CREATE TABLE t (id int PRIMARY KEY, n bigint, r double precision, d numeric(5,2), b boolean, at timestamp,
            day date)
    """
    result = _into(source, database, target, exits=(3,))
    assert [(q.table, q.column) for q in result.quarantined] == [("t", "n")]
    assert _rows(database, "SELECT n, r, d, b, at, day FROM t ORDER BY id") == (
        ("12", "1.5", "2.50", "t", "2024-01-02 03:04:05", "2024-01-02"),
        (None,) * 6,
    )


def test_a_comma_separated_text_becomes_an_array_only_where_its_items_fit(make_sqlite: Make, database: str) -> None:
    source = make_sqlite("""
        CREATE TABLE t (id INTEGER PRIMARY KEY, names TEXT, numbers TEXT);
        INSERT INTO t VALUES (1, 'a,b "c",ə', '1,2'), (2, 'one', '7'), (3, '', ''), (4, '["x,y"]', '[3]'),
            (5, '{q,NULL}', '{4}'), (6, 'NULL', 'many');
    """)
    result = _into(source, database, "CREATE TABLE t (id int PRIMARY KEY, names text[], numbers int[])", exits=(3,))
    assert [(q.column, q.key) for q in result.quarantined] == [("numbers", {"id": 6})]
    answer: tuple[tuple[Any, ...], ...] = (
        ('{a,"b \\"c\\"",ə}', "{1,2}"),
        ("{one}", "{7}"),
        ("{}", "{}"),
        ('{"x,y"}', "{3}"),
        ("{q,NULL}", "{4}"),
        ('{"NULL"}', None),
    )
    assert _rows(database, "SELECT names, numbers FROM t ORDER BY id") == answer
