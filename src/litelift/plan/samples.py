"""Samples of a DEFAULT that is not constant: whether its column takes what it gives."""

from __future__ import annotations

from litelift.plan.plan import ColumnPlan
from litelift.plan.tell import quoted_value
from litelift.translate.constant import evaluate
from litelift.translate.value import Refused
from litelift.wire.choose import codec_for
from litelift.wire.codec import Misfit

# Types that refuse, or round, a value of the right kind.
_NARROW = frozenset({"varchar", "bpchar", "numeric", "int2", "int4", "int8", "json", "jsonb", "uuid"})
# The hexadecimal digits of chance are a number now and then.
_SAMPLES = 8


def misfit_of_default(words: str, column: ColumnPlan) -> str | None:
    """Why the column does not take what SQLite makes of a DEFAULT's expression; None where it does.

    PostgreSQL accepts such a DEFAULT (its cast fails only when a row needs it), and then refuses every new row.
    """
    if column.type.base not in _NARROW:
        return None
    codec = codec_for(column.type, lenient=True, numbers=column.numbers, values=column.values)
    for _ in range(_SAMPLES):
        try:
            value = evaluate(words)
        except Refused:
            return None
        if value is None:
            return None
        try:
            codec.text(value)
        except Misfit as misfit:
            return f"a value that it gives, {quoted_value(value)}, {misfit.reason}"
    return None
