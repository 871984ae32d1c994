"""A codec says of a batch what it says of each of its values."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given

from litelift.postgres.types import PgType
from litelift.sqlite.schema import Value
from litelift.wire.choose import codec_for
from litelift.wire.codec import Misfit
from test_native_codecs import TYPES, batches

MORE = [PgType("numeric", precision=3, scale=5), PgType("numeric", precision=40, scale=20), PgType("interval")]


@pytest.mark.parametrize("lenient", [False, True], ids=["strict", "lenient"])
@pytest.mark.parametrize("pg", TYPES + MORE, ids=lambda pg: pg.display)
@given(found=batches)
@example(found=[0.1 + 0.2, 1234.5, -99999999.99, 0.0, -0.0, 3])
@example(found=[99999999.995, 5e-3, 100000000.0])
@example(found=[1e15, 1e-5, 2**53 + 1, -(2**63)])
@example(found=[1.7e308, 1.7e308])
@example(found=[math.inf, -math.inf])
@example(found=["2024-02-29", "2023-12-31"])
@example(found=["2024-02-29", "2023-02-29"])
@example(found=["2024-02-29", "2024-02-29 10:00:00"])
def test_a_batch_is_taken_for_what_its_values_are(pg: PgType, lenient: bool, found: list[Value]) -> None:
    present = [value for value in found if value is not None]
    if not present:
        return
    kinds = set(map(type, present))
    single, whole, quick = (codec_for(pg, lenient=lenient) for _ in range(3))
    texts: list[str] | None = []
    for value in present:
        try:
            text = single.text(value)
        except Misfit:
            texts = None
            break
        if texts is not None:
            texts.append(text)
    together = whole.many(present, kinds)
    if together is not None:
        assert together == texts
        assert (whole.forms, whole.remarks) == (single.forms, single.remarks)
    if quick.fit(present, kinds):
        assert texts is not None
        assert (quick.forms, quick.remarks) == (single.forms, single.remarks)
    elif together is None:
        assert (quick.forms, whole.forms) == ({}, {})
