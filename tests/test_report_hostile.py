"""Names and values of somebody's database cannot become markup, break a table, or hide."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example as given_example
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from litelift.report import render_html, render_markdown
from litelift.report.markdown import escape, fence, table
from litelift.report.text import visible
from litelift.result import (
    Difference,
    MigrationResult,
    Notice,
    ObjectProof,
    Quarantined,
    SequenceProof,
    TableProof,
    TableResult,
    Untranslated,
)
from test_report_example import clean, example, failing

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a|b\\|c\\",
    "`code` ``` ~~~",
    "line\nbreak\r\n# heading\n\n- item",
    "[link](https://evil.example/) ![i](//evil.example/i.png) <https://evil.example>",
    "https://evil.example/ www.evil.example",
    "*bold* _it_ __b__ ~~s~~ $x$ {{ 7*7 }} {% raw %}",
    "&lt;b&gt; &#60;b&#62;",
    "\x00\x01\x1b[31m\x7f\u202etxt.exe\u200b\udcff",
    "</style></pre></code></table>",
    "---",
    "  spaces   inside  ",
    "",
]
# From surrogateescape: bytes that are not UTF-8.
anything = st.text(
    alphabet=st.one_of(
        st.sampled_from("|\\`*_[]<>&#~$!\n\r\t\x00 -+.)1=:/'\"{}%w\u202e\udc80"), st.characters(codec="utf-8")
    ),
    max_size=40,
)


def poisoned(word: str) -> MigrationResult:
    """A result with ``word`` in every place that a database's owner can fill."""
    whole = failing()
    return example(
        run_id=word,
        source=whole.source.model_copy(update={"path": f"/srv/{word}", "encoding": word, "journal_mode": word}),
        target=whole.target.model_copy(
            update={"database": word, "user": word, "schema_name": word, "embedded": True, "embedded_folder": word}
        ),
        steps=[whole.steps[0].model_copy(update={"title": word, "detail": word})],
        tables=[
            TableResult(source=word, target=word + "x", source_rows=1, loaded=1),
            TableResult(source=word + "e", target=word + "e", source_rows=0, loaded=0),
        ],
        notices=[
            Notice(level="attention", kind=word, message=word, table=word, column=word, key={word: word}),
            Notice(kind=word, message=word),
        ],
        quarantined=[
            Quarantined(
                table=word,
                column=word,
                key={word: word},
                original=word,
                storage_class=word,
                reason=word,
                stands_in=word,
            )
        ],
        quarantined_total=1,
        untranslated=[Untranslated(kind=word, name=word, sql=word, reason=word)],
        proof=whole.proof.model_copy(
            update={
                "tables": [
                    TableProof(
                        source=word,
                        target=word,
                        source_rows=1,
                        target_rows=1,
                        equal=False,
                        total_differences=1,
                        differences=[
                            Difference(
                                table=word, kind="changed", key={word: word}, column=word, source=word, target=word
                            )
                        ],
                    ),
                    TableProof(source=word + "e", target=word + "e", source_rows=0, target_rows=0, equal=True),
                ],
                "sequences": [SequenceProof(name=word, table=word, column=word, next_value=1, expected=2, ok=False)],
                "objects": [ObjectProof(kind=word, expected=1, present=0, missing=[word])],
            }
        ),
        configuration={"a": {word: word}},
    )


class Page(HTMLParser):
    """Collects the tags, the attributes and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words.append(data)


SHAPE = [tag for tag in Page(render_html(poisoned("plain"))).tags if tag not in ("span", "wbr")]


@pytest.mark.parametrize("word", [word for word in HOSTILE if word])
def test_a_hostile_word_changes_no_tag_of_the_page(word: str) -> None:
    page = Page(render_html(poisoned(word)))
    assert [tag for tag in page.tags if tag not in ("span", "wbr")] == SHAPE
    assert not [name for name, _ in page.attributes if name.startswith("on")]


@pytest.mark.parametrize("render", [render_html, render_markdown])
@pytest.mark.parametrize("word", HOSTILE)
def test_no_invisible_character_reaches_the_report(render: object, word: str) -> None:
    rendered = (render_html if render is render_html else render_markdown)(poisoned(word))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", rendered)
    rendered.encode("utf-8")


def test_a_control_character_is_shown_as_an_escape() -> None:
    html = render_html(poisoned("a\x00b\u202e\udcff"))
    assert '<span class="esc">\\x00</span>b<span class="esc">\\u202e\\xff</span>' in html


@pytest.mark.parametrize("result", [example(), clean(), failing(), poisoned("https://evil.example/x.png")])
def test_the_page_loads_nothing(result: MigrationResult) -> None:
    html = render_html(result)
    page = Page(html)
    loading = {"script", "link", "img", "iframe", "object", "embed", "video", "audio", "source", "base", "form", "svg"}
    assert not loading & set(page.tags)
    assert all(value and value.startswith("#") for name, value in page.attributes if name == "href")
    assert not [name for name, _ in page.attributes if name in ("src", "srcset", "action", "background", "xlink:href")]
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_the_page_is_accessible() -> None:
    html = render_html(example())
    assert '<html lang="en">' in html
    page = Page(html)
    assert page.tags.count("h1") == 1
    assert len(re.findall(r"<th(?=[\s>])", html)) == len(re.findall(r"<th scope=", html))
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    targets = {value for name, value in page.attributes if name == "aria-labelledby"}
    targets |= {str(value)[1:] for name, value in page.attributes if name == "href"}
    assert targets <= set(ids)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio of two #rrggbb colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast_in_light_and_dark(scheme: str) -> None:
    html = render_html(example())
    block = re.search(r":root \{\s*color-scheme: " + scheme + r";(.*?)\}", html, re.DOTALL)
    assert block
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block[1]))
    pairs = [(ink, paper) for ink in ("ink", "soft") for paper in ("paper", "card", "faint")]
    pairs += [(ink, paper) for ink in ("accent", "good", "attention", "failed") for paper in ("paper", "card")]
    pairs += [(status, f"{status}-bg") for status in ("good", "attention", "failed")] + [("accent", "accent-soft")]
    pairs += [("ink", "failed-bg")]
    weak = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


# --------------------------------------------------------------------- Markdown

parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def text_of(token: Token) -> str:
    """The text that an inline token shows, or its markup where it is more than text."""
    return "".join(
        child.content if child.type in ("text", "text_special") else f"<{child.type}>" for child in token.children or []
    )


def grid(markdown: str) -> list[list[str]]:
    """The cells of the one table that the text is."""
    tokens = parser.parse(markdown)
    assert [tokens[0].type, tokens[-1].type] == ["table_open", "table_close"]
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(text_of(token))
    return rows


@settings(max_examples=400)
@given(st.lists(st.tuples(anything, anything, anything), min_size=1, max_size=5))
@given_example([(word, word, word) for word in HOSTILE])
@given_example([("a\\", "|", "\\|")])
def test_a_markdown_table_keeps_its_cells_and_their_words(rows: list[tuple[str, str, str]]) -> None:
    shown = grid(table(["A", ">B", "C"], rows))
    assert shown == [["A", "B", "C"], *([visible(cell) for cell in row] for row in rows)]


@settings(max_examples=400)
@given(anything)
def test_foreign_text_is_only_text_at_the_beginning_of_a_line(word: str) -> None:
    tokens = parser.parse(escape(word or "a"))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert text_of(tokens[1]) == visible(word or "a")


@settings(max_examples=400)
@given(anything)
def test_a_code_block_is_closed_only_by_its_own_fence(code: str) -> None:
    tokens = parser.parse(fence(code, "sql") + "\n\nafter")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]


def outline(markdown: str) -> list[str]:
    """Every block of a text; the inside of code and paragraphs is left out."""
    return [token.type for token in parser.parse(markdown)]


OUTLINE = outline(render_markdown(poisoned("plain")))


@settings(max_examples=60)
@given(anything)
@given_example("---")
@given_example("a\n\n# b")
def test_a_hostile_word_changes_no_block_of_the_markdown(word: str) -> None:
    markdown = render_markdown(poisoned(word))
    assert outline(markdown) == OUTLINE
    inside = {child.type for token in parser.parse(markdown) for child in token.children or []}
    assert not inside & {"link_open", "image", "html_inline", "code_inline", "em_open", "s_open"}


@pytest.mark.parametrize("word", HOSTILE)
def test_no_address_in_a_value_becomes_a_link_on_github(word: str) -> None:
    outside_code = re.sub(r"(?ms)^(`{3,})\w*\n.*?^\1$", "", render_markdown(poisoned(word)))
    assert "https://evil" not in outside_code
    assert "www.evil" not in outside_code
