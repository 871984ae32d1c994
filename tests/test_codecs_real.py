"""Numbers for PostgreSQL's real."""

from __future__ import annotations

import psycopg
import pytest

from litelift.wire.numbers import RealCodec


@pytest.mark.parametrize(
    "value",
    [
        # In the middle of two reals; its shortest digits, 1.3565886562146714e+17, are nearer to the other one.
        135658865621467136,
        135658865621467136.0,
        -135658865621467136,
        0.1,
        1 / 3,
        2**24 + 1,
    ],
)
def test_a_number_becomes_the_real_that_is_nearest_to_the_number_itself(database: str, value: float) -> None:
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "select %s::text::real = %s::float8::real", (RealCodec("float4").text(value), float(value))
        ).fetchone()
    assert row == (True,)
