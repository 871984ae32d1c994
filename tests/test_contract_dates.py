"""The contract, "what arrives": dates and times, each value read by its own form."""

# ruff: noqa: E501  (each source is SQL as one would type it)

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

import litelift
from contract import Case, Cases, ask, build, command, filled, type_of
from contract_columns import arrive, column, kept, many, proved

CASES = Cases()
case = CASES.add

NAIVE = "timestamp without time zone"
INSTANT = "timestamp with time zone"


def in_utc(*values: datetime | None) -> tuple[str, list[tuple[datetime | None]]]:
    """That the column holds these instants, in this order."""
    return ("select a at time zone 'utc' from t order by id", [(value,) for value in values])


MOMENT = datetime(2025, 12, 13, 19, 55, 14)
SECONDS = 1765655714


@CASES.each
def test_time(case: Case, database: str, tmp_path: Path) -> None:
    proved(case, database, tmp_path)


# ------------------------------------------------------------------------------------------- text
case(
    "every_naive_form_in_one_column",
    column(
        "datetime",
        "2025-12-13",
        "2025-12-13 19:55",
        "2025-12-13T19:55:14",
        "2025-12-13 19:55:14.1",
        "2025-12-13 19:55:14,5",
        " 2025-12-13 19:55:14\n",
    ),
    type_of("t", "a", NAIVE),
    arrive(
        datetime(2025, 12, 13),
        datetime(2025, 12, 13, 19, 55),
        MOMENT,
        MOMENT.replace(microsecond=100000),
        MOMENT.replace(microsecond=500000),
        MOMENT,
    ),
)
case(
    "every_offset_and_naive_ones_are_utc",
    column(
        "datetime",
        "2025-12-13 23:55:14+0400",
        "2025-12-13 23:55:14+04",
        "2025-12-13T23:55:14+04:00",
        "2025-12-13 19:25:14-00:30",
        "2025-12-13T19:55:14z",
        "2025-12-13 23:55:14 +04:00",
        "2025-12-13 19:55:14 UTC",
        "2025-12-13 19:55:14 GMT",
        "2025-12-13 19:55:14",
    ),
    type_of("t", "a", INSTANT),
    in_utc(*[MOMENT] * 9),
    says=("t.a", "8 times with an offset"),
)
case(
    "the_widest_offsets",
    column("datetime", "2025-12-13 19:55:14+15:59", "2025-12-13 19:55:14-15:59"),
    in_utc(datetime(2025, 12, 13, 3, 56, 14), datetime(2025, 12, 14, 11, 54, 14)),
)

NO_TIMES = {
    "an_offset_of_16_hours": "2025-12-13 19:55:14+16:00",
    "an_offset_of_99_hours": "2025-12-13 19:55:14+99:00",
    "an_offset_of_60_minutes": "2025-12-13 19:55:14+04:60",
    "the_30th_of_february": "2025-02-30",
    "the_29th_of_february_of_1900": "1900-02-29",
    "month_13": "2025-13-01",
    "the_zero_date": "0000-00-00 00:00:00",
    "the_year_0": "0000-01-01 00:00:00",
    "a_year_before_christ": "-0044-03-15 00:00:00",
    "five_digits_of_a_year": "10000-01-01 00:00:00",
    "a_leap_second": "2016-12-31 23:59:60",
    "minute_60": "2025-12-13 19:60:00",
    "a_fraction_that_leaves_the_year_9999": "9999-12-31 23:59:59.9999999",
    "now": "now",
    "nothing": "",
    "a_space": " ",
    "the_day_first": "13.12.2025 19:55:14",
    "the_afternoon": "2025-12-13 07:55:14 PM",
    "an_email_s_date": "Sat, 13 Dec 2025 19:55:14 GMT",
    "a_no_break_space": "\xa02025-12-13 19:55:14",
    "a_unit_separator": "2025-12-13 19:55:14\x1f",
    "arabic_digits": "٢٠٢٥-12-13 19:55:14",
    "a_clock_alone": "19:55:14",
}
for name, text in NO_TIMES.items():
    case(
        f"{name}_is_no_time_and_is_kept",
        column("datetime", text, "2025-12-13 19:55:14"),
        type_of("t", "a", "text"),
        arrive(text, "2025-12-13 19:55:14"),
        exits=3,
        says=("t.a", "id=1"),
    )
    spoiled = text.replace("'", "''")
    case(
        f"{name}_among_500_is_quarantined",
        many("datetime", f"update t set a = '{spoiled}' where id = 77;", "'2025-12-13 19:55:14'"),
        type_of("t", "a", NAIVE),
        ("select count(*)::int, count(a)::int from t", [(500, 499)]),
        kept(({"id": 77}, text.encode(), "text")),
        exits=3,
        says=("t.a", "id=77"),
    )
case(
    "more_than_six_decimals_are_rounded_and_told",
    column(
        "datetime",
        "2025-12-31 23:59:59.9999999",
        "2025-12-13 19:55:14.1234565",
        "2025-12-13 19:55:14.12345649999",
        "1969-12-31 23:59:59.9999995",
    ),
    arrive(
        datetime(2026, 1, 1),
        MOMENT.replace(microsecond=123457),
        MOMENT.replace(microsecond=123456),
        datetime(1970, 1, 1),
    ),
    says=("t.a", "rounded", "(4)"),
)
case(
    "a_time_in_a_blob_loses_nothing",
    column("datetime", b"2025-12-13 19:55:14", "x"),
    ("select count(a)::int from t", [2]),
    exits=3,
)

# ------------------------------------------------------------------------------------------- numbers
case(
    "epoch_seconds_before_and_after_1970",
    column("datetime", SECONDS, 0, -1),
    type_of("t", "a", INSTANT),
    in_utc(MOMENT, datetime(1970, 1, 1), datetime(1969, 12, 31, 23, 59, 59)),
)
case("epoch_seconds_written_as_text", column("datetime", str(SECONDS)), type_of("t", "a", INSTANT), in_utc(MOMENT))
case(
    "epoch_seconds_with_a_fraction",
    column("datetime", SECONDS + 0.5),
    type_of("t", "a", INSTANT),
    in_utc(MOMENT.replace(microsecond=500000)),
)
case("epoch_milliseconds", column("timestamp", SECONDS * 1000 + 123), in_utc(MOMENT.replace(microsecond=123000)))
case("epoch_microseconds", column("timestamp", SECONDS * 10**6 + 123456), in_utc(MOMENT.replace(microsecond=123456)))
case(
    "epoch_nanoseconds_are_rounded_and_told",
    column("timestamp", SECONDS * 10**9 + 123456789),
    in_utc(MOMENT.replace(microsecond=123457)),
    says=("t.a", "rounded"),
)
case(
    "julian_days",
    column("datetime", 2461023.330023148, 2461024.5, 2440587.5),
    type_of("t", "a", INSTANT),
    in_utc(MOMENT.replace(second=14), datetime(2025, 12, 15), datetime(1970, 1, 1)),
)
case(
    "a_whole_julian_day_among_others",
    column("datetime", 2461023.25, 2461024),
    in_utc(datetime(2025, 12, 13, 18), datetime(2025, 12, 14, 12)),
)
case(
    "every_form_in_one_column",
    column(
        "datetime",
        "2025-12-13 19:55:14",
        "2025-12-13T19:55:14Z",
        SECONDS,
        SECONDS * 1000,
        SECONDS + 0.5,
        2461023.5,
        None,
        "2025-12-13",
    ),
    type_of("t", "a", INSTANT),
    in_utc(
        MOMENT,
        MOMENT,
        MOMENT,
        MOMENT,
        MOMENT.replace(microsecond=500000),
        datetime(2025, 12, 14),
        None,
        datetime(2025, 12, 13),
    ),
    says="t.a",
)
case(
    "numbers_among_naive_text",
    column("datetime", "2025-12-13 19:55:14", SECONDS),
    type_of("t", "a", NAIVE),
    arrive(MOMENT, MOMENT),
    says=("t.a", "id=2"),
)
case(
    "an_epoch_beyond_the_year_9999_is_kept",
    column("datetime", 1e30, SECONDS),
    ("select a::float8 from t order by id", [1e30, float(SECONDS)]),
    exits=3,
    says=("t.a", "id=1"),
)
case(
    "infinity_is_no_time",
    column("datetime", float("inf"), SECONDS),
    ("select count(a)::int from t", [2]),
    exits=3,
    says=("t.a", "id=1"),
)
case(
    "dates_written_as_numbers_are_not_read_as_seconds",
    column("date", 20251213, 20240229),
    type_of("t", "a", "bigint"),
    arrive(20251213, 20240229),
    exits=3,
    says=("t.a", "yyyymmdd"),
)
case(
    "years_are_not_read_as_seconds",
    column("date", 2025, 1999),
    type_of("t", "a", "bigint"),
    arrive(2025, 1999),
    exits=3,
    says="t.a",
)
case(
    "moments_written_as_numbers_are_not_read_as_milliseconds",
    column("datetime", 20251213195514),
    arrive(20251213195514),
    exits=3,
    says="t.a",
)

# ------------------------------------------------------------------------------------------- DATE
case(
    "a_date_that_carries_midnight",
    column("date", "2025-12-13 00:00:00", "2025-12-14", "2025-12-15T00:00:00.000"),
    type_of("t", "a", "date"),
    arrive(date(2025, 12, 13), date(2025, 12, 14), date(2025, 12, 15)),
)
case(
    "a_date_is_that_of_whoever_wrote_it",
    column("date", "2025-12-13T00:00:00+04:00", "2025-12-14T00:00:00Z"),
    type_of("t", "a", "date"),
    arrive(date(2025, 12, 13), date(2025, 12, 14)),
)
case(
    "a_date_with_a_time_of_day",
    column("date", "2025-12-13 19:55:14", "2025-12-14"),
    type_of("t", "a", NAIVE),
    arrive(MOMENT, datetime(2025, 12, 14)),
    says="t.a",
)
case(
    "a_date_with_a_time_and_an_offset",
    column("date", "2025-12-13 23:55:14+04:00", "2025-12-14"),
    type_of("t", "a", INSTANT),
    in_utc(MOMENT, datetime(2025, 12, 14)),
)
case(
    "a_date_whose_offset_does_not_exist_is_kept",
    column("date", "2025-12-13T00:00:00+25:00", "2025-12-14"),
    type_of("t", "a", "text"),
    arrive("2025-12-13T00:00:00+25:00", "2025-12-14"),
    exits=3,
    says=("t.a", "id=1"),
)
case("a_date_that_is_an_epoch", column("date", SECONDS), type_of("t", "a", INSTANT), in_utc(MOMENT))
case(
    "a_date_that_is_a_julian_day", column("date", 2461022.5), type_of("t", "a", INSTANT), in_utc(datetime(2025, 12, 13))
)
case(
    "the_first_and_the_last_date", column("date", "0001-01-01", "9999-12-31"), arrive(date(1, 1, 1), date(9999, 12, 31))
)
case(
    "a_time_of_day_among_500_dates_is_quarantined",
    many("date", "update t set a = '2025-12-13 10:00' where id = 9;", "'2025-12-13'"),
    type_of("t", "a", "date"),
    kept(({"id": 9}, b"2025-12-13 10:00", "text")),
    exits=3,
)

# ------------------------------------------------------------------------------------------- TIME
case(
    "a_time_that_carries_a_date",
    column("time", "2000-01-01 08:30:00", "08:30", "2000-01-01T08:30:00.5"),
    type_of("t", "a", "time without time zone"),
    arrive(time(8, 30), time(8, 30), time(8, 30, 0, 500000)),
)
case(
    "a_time_that_carries_no_date",
    column("time", "2025-99-99 08:30:00", "08:30"),
    type_of("t", "a", "text"),
    arrive("2025-99-99 08:30:00", "08:30"),
    exits=3,
    says=("t.a", "id=1"),
)
case(
    "fractions_of_a_time_are_rounded_and_told",
    column("time", "08:30:00.1234567"),
    arrive(time(8, 30, 0, 123457)),
    says=("t.a", "rounded"),
)
case(
    "a_fraction_that_ends_the_day",
    column("time", "23:59:59.9999999"),
    ("select a::text from t", ["24:00:00"]),
    says="rounded",
)
case(
    "a_time_with_an_offset_is_kept",
    column("time", "08:30:00+04:00", "08:30"),
    type_of("t", "a", "text"),
    arrive("08:30:00+04:00", "08:30"),
    exits=3,
)
case("a_time_that_is_a_number_is_kept", column("time", 30600), type_of("t", "a", "bigint"), arrive(30600), exits=3)

# ------------------------------------------------------------------------------------------- what is left alone
case(
    "a_text_column_is_left_alone",
    column("text", "2025-12-13T19:55:14+04:00", "1765655714"),
    type_of("t", "a", "text"),
    arrive("2025-12-13T19:55:14+04:00", "1765655714"),
)
case("an_integer_column_is_left_alone", column("integer", SECONDS), type_of("t", "a", "bigint"), arrive(SECONDS))


@pytest.mark.superuser
@pytest.mark.parametrize("zone", ["Asia/Baku", "America/St_Johns"])
def test_the_settings_of_the_target_change_nothing(zone: str, database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        for setting, value in {
            "timezone": zone,
            "datestyle": "SQL, DMY",
            "bytea_output": "escape",
            "extra_float_digits": "0",
            "intervalstyle": "iso_8601",
        }.items():
            connection.execute(
                sql.SQL("alter database {} set {} = {}").format(name, sql.Identifier(setting), sql.Literal(value))
            )
    build(
        filled(
            "create table t(id integer primary key, a datetime, b datetime, c date, d datetime, e time, f real, g blob, h datetime default current_timestamp);",
            (
                "insert into t(a,b,c,d,e,f,g) values(?,?,?,?,?,?,?)",
                [
                    (
                        "2025-03-30 02:30:00",
                        "2025-12-13 19:55:14Z",
                        "2025-03-04",
                        SECONDS,
                        "10:00",
                        0.1 + 0.2,
                        b"\x00\\",
                    ),
                    ("2025-03-09 02:30:00", "2025-12-13 19:55:14", "2025-03-04", SECONDS * 1000, "10:00", 1e-7, b"'"),
                ],
            ),
        ),
        tmp_path / "app.sqlite",
    )
    status, said = command("migrate", str(tmp_path / "app.sqlite"), database)
    assert status == 0, said
    query = (
        "select to_char(a, 'YYYY-MM-DD HH24:MI'), to_char(b at time zone 'utc', 'HH24:MI:SS'), to_char(c, 'YYYY-MM-DD'),"
        " extract(epoch from d)::bigint, e::text, f = 0.1::float8 + 0.2::float8, encode(g, 'hex') from t where id = 1"
    )
    assert ask(database, query) == [("2025-03-30 02:30", "19:55:14", "2025-03-04", SECONDS, "10:00:00", True, "005c")]
    assert litelift.verify(tmp_path / "app.sqlite", database).ok
    assert ask(
        database, "insert into t(id) values(9) returning abs(extract(epoch from h - (now() at time zone 'utc'))) < 5"
    ) == [(True,)]
