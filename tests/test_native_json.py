"""What the compiled path takes for JSON is JSON to Python, escapes and all."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from litelift.compiled import native
from litelift.postgres.types import PgType
from litelift.wire.choose import codec_for
from litelift.wire.codec import Misfit
from test_native_codecs import Store

pytestmark = pytest.mark.skipif(native() is None, reason="the compiled path is not built")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    found = Store(tmp_path_factory.mktemp("json") / "values.sqlite")
    yield found
    found.close()


def plain(store: Store, base: str, texts: list[str]) -> list[bool]:
    """Which of the texts never reach Python."""
    store.keep(list(texts))
    (batch,) = store.batches()
    tally = store.module.Tally((store.module.Codec(base),), 0, 0, 0)
    told = tally.add(batch, 0, 0, False)  # type: ignore[arg-type]
    others = told[4][0] if told else []
    return [row not in others for row in range(len(texts))]


letters = st.sampled_from(["a", "n", "\n", '"', "\\", "/", "é", "ə", "😀", "\x7f"])
written = st.builds(
    lambda found, raw: json.dumps(found, ensure_ascii=not raw)[1:-1], st.text(letters, max_size=3), st.booleans()
) | st.sampled_from(
    ["\\u0061", "\\/", "\\ud83d", "\\ude00", "\\ud83d\\ude00", "\\ud83d\\u0061", "\\u0000", "\\uD83D\\uDE00"]
)


@pytest.mark.parametrize("base", ["json", "jsonb"])
@given(keys=st.lists(written, max_size=5))
@example(keys=["a", "\\u0061"])
@example(keys=["é", "\\u00e9"])
@example(keys=["\\u00e9", "\\u00E9"])
@example(keys=["\\ud83d\\ude00", "😀"])
@example(keys=["/", "\\/"])
@example(keys=["\\n", "\\u000a"])
def test_what_is_taken_for_json_is_held_unchanged(store: Store, base: str, keys: list[str]) -> None:
    text = "{" + ",".join(f'"{key}": 1' for key in keys) + "}"
    (taken,) = plain(store, base, [text])
    if taken:
        assert codec_for(PgType(base)).text(text) == text


def test_escapes_as_applications_write_them_never_reach_python(store: Store) -> None:
    texts = [
        json.dumps({"ad": "Təşəkkür 🙂", "təsvir": 'a\n"b"', "böyük": 1, "say": [1.5]}),
        '{"\\u0259": 1, "\\u0258": 2}',
    ]
    for base in ("json", "jsonb"):
        assert plain(store, base, texts) == [True, True]


def test_what_jsonb_cannot_hold_reaches_python(store: Store) -> None:
    texts = [
        '{"\\u0061":1,"a":2}',
        '{"é":1,"\\u00e9":2}',
        '"\\ud83d"',
        '"\\ude00"',
        '"\\ud83d\\u0061"',
        '"\\ud83d',
        '"\\u0000"',
    ]
    assert plain(store, "jsonb", texts) == [False] * len(texts)
    for text in texts:
        with pytest.raises(Misfit):
            codec_for(PgType("jsonb")).text(text)
