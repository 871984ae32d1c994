"""A compose file gets a service, and keeps every byte that it had."""

from __future__ import annotations

import io
import string
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from litelift.cutover.server.splice import Unfit, spliced, unspliced

SERVICE = ("postgres", ['image: "postgres:16"', "ports:", '  - "127.0.0.1:5432:5432"', "environment:", "  A: b"])
SECTIONS = {"services": SERVICE, "volumes": ("data", ["external: true"]), "secrets": ("pw", ['file: "./pw"'])}

LARAVEL = """\
# Laravel Sail, as it came
services:
    laravel.test:
        build:
            context: ./vendor/laravel/sail/runtimes/8.3
            args:
                WWWGROUP: '${WWWGROUP}'
        extra_hosts:
            - 'host.docker.internal:host-gateway'
        ports:
            - '${APP_PORT:-80}:80'
        environment:
            WWWUSER: '${WWWUSER}'
        volumes:
            - '.:/var/www/html'
        networks:
            - sail
        depends_on:
            - redis
    redis:
        image: 'redis:alpine'   # the cache
        healthcheck:
            test:
                - CMD
                - redis-cli
                - ping
            retries: 3

networks:
    sail:
        driver: bridge
volumes:
    sail-redis:
        driver: local
"""
ANCHORS = """\
version: "3.8"

x-logging: &logging
  driver: "json-file"
  options: {max-size: "10m", max-file: "3"}

x-app: &app
  image: registry.example.org/app:1.2
  logging: *logging
  env_file: [.env]

services:

  web:
    <<: *app
    command: >
      gunicorn app.wsgi
      --bind 0.0.0.0:8000

  # The worker needs no port.
  worker:
    <<: *app
    command: ["celery", "-A", "app", "worker"]
    deploy:
      resources:
        limits: { memory: 1G }
  # (a beat is not needed)

# ---------------- volumes ----------------
volumes:
  static:   # collectstatic
  media: {}


networks: {default: {name: app_net}}
"""
LISTS_AT_THE_KEY = """\
services:
  web:
    image: nginx
    ports:
    - 80:80
    - "443:443"
    volumes:
    - ./a:/a:ro
    environment:
    - A=1   # why
    - |-
      B=two
      lines
"""
TAGS = "services:\n  web:\n    image: nginx\n    ports: !reset []\n    x: !reset null\n    y: !!str 12\n    z: .nan\n"
KEPT_BLANKS = "services:\n  web:\n    image: nginx\n    command: |+\n      echo\n\n\nvolumes:\n  a:\n"
TABS = "services:\t# all of them\n  web:\n    image:\tnginx\t# the\tfront\n\t\n    command: 'a\tb'\n"
NO_END = "services:\n  web:\n    image: nginx"
EMPTY_SECTIONS = "services:\nvolumes:\n# the end\n"
MARKED = "%YAML 1.2\n---\nservices:\n  web: {image: nginx}\n...\n"
UNICODE = "\ufeffservices:\n  müəllim:\n    image: 'şagird:1'   # İstanbul\n"
WITHOUT = "# nothing here yet\n"
REAL = {
    "laravel": LARAVEL,
    "anchors": ANCHORS,
    "lists": LISTS_AT_THE_KEY,
    "tags": TAGS,
    "kept-blanks": KEPT_BLANKS,
    "tabs": TABS,
    "no-end": NO_END,
    "empty-sections": EMPTY_SECTIONS,
    "marked": MARKED,
    "unicode": UNICODE,
    "without": WITHOUT,
    "crlf": ANCHORS.replace("\n", "\r\n"),
    "crlf-no-end": NO_END.replace("\n", "\r\n"),
}


def _load(text: str) -> Any:
    # Its scanner knows no tabs between words.
    return YAML(typ="rt").load(io.StringIO(text.removeprefix("\ufeff").replace("\t", " ")))


def _without_added(old: str, new: str) -> bool:
    """Whether every line of the old text stands in the new one, whole, in its order."""
    lines = iter(io.StringIO(new, newline="").readlines())
    wanted = io.StringIO(old, newline="").readlines()
    return all(
        any(line == one or (one is wanted[-1] and line.rstrip("\r\n") == one) for line in lines) for one in wanted
    )


@pytest.mark.parametrize("name", REAL)
def test_every_line_that_was_there_stays_as_it_was(name: str) -> None:
    old = REAL[name]
    new = spliced(old, SECTIONS)
    assert _without_added(old, new)
    assert len(new) > len(old)
    document = _load(new)
    assert document["services"]["postgres"]["ports"] == ["127.0.0.1:5432:5432"]
    assert document["volumes"]["data"] == {"external": True}
    assert document["secrets"]["pw"] == {"file": "./pw"}


@pytest.mark.parametrize("name", REAL)
def test_the_line_ends_are_the_files_own(name: str) -> None:
    new = spliced(REAL[name], SECTIONS)
    assert ("\r\n" in new) == ("\r\n" in REAL[name])
    assert new.count("\n") == (new.count("\r\n") if "\r\n" in new else new.count("\n"))


@pytest.mark.parametrize("name", sorted({*REAL} - {"no-end", "crlf-no-end"}))
def test_what_was_added_is_taken_out_of_a_file_that_somebody_changed_since(name: str) -> None:
    new = spliced(REAL[name], SECTIONS)
    assert unspliced(f"# mine\n{new}# too\n", REAL[name], new) == f"# mine\n{REAL[name]}# too\n"
    assert unspliced(new.replace("postgres:16", "postgres:17"), REAL[name], new) is None


def test_the_service_is_indented_like_its_neighbours() -> None:
    new = spliced(LARAVEL, {"services": SERVICE})
    assert '            retries: 3\n    postgres:\n        image: "postgres:16"\n        ports:\n            - ' in new


def test_a_comment_stays_with_what_it_speaks_of() -> None:
    new = spliced(ANCHORS, SECTIONS)
    assert "  # (a beat is not needed)\n\n  postgres:\n" in new
    assert "    A: b\n\n# ---------------- volumes" in new.replace("      A: b", "    A: b")


def test_what_a_block_of_text_keeps_of_blank_lines_is_kept() -> None:
    assert _load(spliced(KEPT_BLANKS, SECTIONS))["services"]["web"]["command"] == "echo\n\n\n"


@pytest.mark.parametrize(
    "text",
    [
        "- a\n- b\n",
        "services: {web: {image: nginx}}\n",
        "{services: {web: {image: nginx}}}\n",
        "services:\n  postgres:\n    image: x\n",
        "services:\n  web: [\n",
        "a: 1\n---\nb: 2\n",
        "services: 5\n",
        "services:\n\tweb: 1\n",
    ],
)
def test_a_file_that_lines_cannot_be_put_into_is_refused(text: str) -> None:
    with pytest.raises(Unfit):
        spliced(text, {"services": SERVICE})


_names = st.text(string.ascii_letters + string.digits + "_-.", min_size=1, max_size=8).filter(
    lambda name: name != "postgres" and not name.startswith(("-", "."))
)
_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-9, 99),
        st.text("ab: #'\"\\\n$é-", max_size=12),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_names, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(
    services=st.dictionaries(_names, _values, min_size=1, max_size=3),
    other=st.dictionaries(_names.map(lambda name: f"x-{name}"), _values, max_size=2),
    mapping=st.integers(2, 6),
    sequence=st.integers(2, 6),
    first=st.booleans(),
    gaps=st.lists(st.sampled_from(["", "\n", "# a word\n", "    # deep\n", "\n\n"]), min_size=3, max_size=3),
)
def test_whatever_the_file_every_line_stays_and_says_the_same(
    services: dict[str, Any], other: dict[str, Any], mapping: int, sequence: int, first: bool, gaps: list[str]
) -> None:
    yaml = YAML(typ="rt")
    yaml.indent(mapping=mapping, sequence=max(sequence, 2), offset=max(sequence, 2) - 2)
    parts = [{"services": services}, other] if first else [other, {"services": services}]
    out = [gaps[0]]
    for part, gap in zip(parts, gaps[1:], strict=True):
        if part:
            stream = io.StringIO()
            yaml.dump(part, stream)
            out += [stream.getvalue(), gap]
    old = "".join(out)
    try:
        before = _load(old)
    except YAMLError:
        before = None
    # Not everything that ruamel.yaml writes it reads as it was.
    assume(before == {**other, "services": services})
    new = spliced(old, {"services": SERVICE})
    assert _without_added(old, new)
    after = _load(new)
    assert after["services"].pop("postgres")["image"] == "postgres:16"
    assert after == before
