"""The step that changes the compose file: what it keeps, what it refuses, and what of it comes back."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cutover_target import carry_out, context_of, everything_written, issues, undo
from litelift import errors
from litelift.cutover.context import Context
from litelift.cutover.credentials import Login, keep_login
from litelift.cutover.steps.compose import ComposeStep

OLD = "services:\n  web:\n    image: school   # ours\n    environment:\n      PASSWORD: hunter2\n"
SECRET = ".postgres-superuser-password"
SERVER = {
    "run": "c0ffee",
    "volume": "school-data-2",
    "port": 5433,
    "image_facts": {
        "id": "sha256:1",
        "major": 18,
        "data": "/var/lib/postgresql/18/docker",
        "mount": "/var/lib/postgresql",
    },
}


def _context(folder: Path, text: str = OLD, **target: Any) -> Context:
    """A run whose container is made already."""
    folder.mkdir(exist_ok=True)
    (folder / "compose.yml").write_bytes(text.encode())
    context = context_of(folder, {"kind": "container", "compose": "compose.yml", **target})
    superuser = context.folder / "superuser.json"
    keep_login(superuser, Login("127.0.0.1", 5433, "postgres", "postgres", "top-secret-word"))
    facts = {**SERVER, "superuser_credentials": str(superuser)}
    context.journal.write("started", step="server", facts=facts)
    context.journal.write("done", step="server", facts=facts)
    return context


def _document(folder: Path) -> Any:
    return YAML(typ="safe").load((folder / "compose.yml").read_text())


def test_the_service_is_the_container_as_it_was_made(tmp_path: Path) -> None:
    target: dict[str, Any] = {
        "memory": "1g",
        "cpus": 2.0,
        "ulimits": {"nofile": 4096},
        "network": "school_net",
        "image": "postgres:18",
    }
    carry_out(ComposeStep(), _context(tmp_path, **target))
    found = _document(tmp_path)
    service = found["services"]["postgres"]
    assert service["image"] == "postgres:18"
    assert service["container_name"] == "application-postgres"
    assert service["ports"] == ["127.0.0.1:5433:5432"]
    assert service["volumes"] == ["school-data-2:/var/lib/postgresql"]
    assert service["environment"]["PGDATA"] == "/var/lib/postgresql/18/docker"
    assert service["healthcheck"]["test"][0] == "CMD-SHELL"
    assert (service["mem_limit"], service["cpus"], service["ulimits"]) == ("1g", 2.0, {"nofile": 4096})
    assert service["restart"] == "unless-stopped"
    assert service["labels"] == {"litelift.run": "c0ffee"}
    assert found["volumes"]["school-data-2"] == {"name": "school-data-2", "external": True}
    assert found["networks"][service["networks"][0]] == {"name": "school_net", "external": True}
    assert found["secrets"][service["secrets"][0]] == {"file": f"./{SECRET}"}


def test_on_the_hosts_network_the_service_says_where_it_listens(tmp_path: Path) -> None:
    carry_out(ComposeStep(), _context(tmp_path, network="host"))
    service = _document(tmp_path)["services"]["postgres"]
    assert service["network_mode"] == "host"
    assert "port=5433" in service["command"]
    assert "ports" not in service


def test_the_password_is_in_a_file_that_its_owner_alone_reads_and_nowhere_else(tmp_path: Path) -> None:
    context = _context(tmp_path)
    carry_out(ComposeStep(), context)
    assert (tmp_path / SECRET).read_text() == "top-secret-word"
    assert stat.S_IMODE((tmp_path / SECRET).stat().st_mode) == 0o600
    assert "top-secret-word" not in everything_written(tmp_path)
    # Nor does the diff show what stands beside.
    assert "hunter2" not in context.journal.path.read_text()
    assert "version control" in issues(context)[0]


@pytest.mark.parametrize("mode", [0o640, 0o644])
def test_the_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path, mode: int) -> None:
    context = _context(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "compose.yml").rename(tmp_path / "elsewhere/compose.yml")
    (tmp_path / "elsewhere/compose.yml").chmod(mode)
    (tmp_path / "compose.yml").symlink_to("elsewhere/compose.yml")
    carry_out(ComposeStep(), context)
    assert (tmp_path / "compose.yml").is_symlink()
    assert stat.S_IMODE((tmp_path / "elsewhere/compose.yml").stat().st_mode) == mode
    undo(ComposeStep(), context)
    assert (tmp_path / "elsewhere/compose.yml").read_text() == OLD
    assert stat.S_IMODE((tmp_path / "elsewhere/compose.yml").stat().st_mode) == mode


def test_done_twice_it_is_there_once_and_undone_twice_it_is_as_before(tmp_path: Path) -> None:
    context = _context(tmp_path)
    facts = carry_out(ComposeStep(), context)
    new = (tmp_path / "compose.yml").read_bytes()
    context.journal.write("started", step="compose", facts=facts)
    carry_out(ComposeStep(), context)
    assert (tmp_path / "compose.yml").read_bytes() == new
    for _ in range(2):
        undo(ComposeStep(), context)
        assert (tmp_path / "compose.yml").read_text() == OLD
        assert not (tmp_path / SECRET).exists()


def test_undone_before_it_was_done_nothing_changes(tmp_path: Path) -> None:
    context = _context(tmp_path)
    context.journal.write("started", step="compose", facts=ComposeStep().check(context))
    (tmp_path / SECRET).write_text("somebody's")
    assert undo(ComposeStep(), context) == {"restored": False}
    assert (tmp_path / "compose.yml").read_text() == OLD
    assert (tmp_path / SECRET).read_text() == "somebody's"


def test_what_somebody_changed_since_stays_and_both_files_are_named(tmp_path: Path) -> None:
    context = _context(tmp_path)
    carry_out(ComposeStep(), context)
    path = tmp_path / "compose.yml"
    path.write_text(path.read_text().replace("school   # ours", "school:2"))
    assert undo(ComposeStep(), context) == {"restored": True}
    assert path.read_text() == OLD.replace("school   # ours", "school:2")
    assert str(context.folder / "kept/compose.yml") in issues(context)[-1]


def test_a_service_that_somebody_changed_since_is_left_to_a_person(tmp_path: Path) -> None:
    context = _context(tmp_path)
    carry_out(ComposeStep(), context)
    path = tmp_path / "compose.yml"
    changed = path.read_text().replace('"unless-stopped"', '"always"')
    path.write_text(changed)
    assert undo(ComposeStep(), context) == {"restored": False}
    assert path.read_text() == changed
    assert (context.folder / "kept/compose.yml").read_text() == OLD
    assert "by hand" in issues(context)[-1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OLD.replace("web:", "postgres:"), "a service postgres of school already"),
        ("- a\n", "not a mapping"),
        ("services: {web: {image: a}}\n", "in braces"),
        ("services:\n  web: [\n", "not one YAML document"),
        ("services:\n  postgres\n", "its services is not a mapping"),
    ],
)
def test_a_file_that_cannot_take_it_is_refused_before_anything_is_written(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(errors.ComposeFileError, match=said):
        ComposeStep().check(_context(tmp_path, text))
    assert (tmp_path / "compose.yml").read_text() == text


def test_a_file_that_is_not_there_or_not_utf_8_is_told(tmp_path: Path) -> None:
    context = _context(tmp_path)
    (tmp_path / "compose.yml").write_bytes(b"services:\n  caf\xe9:\n")
    with pytest.raises(errors.ComposeFileError, match="not UTF-8"):
        ComposeStep().check(context)
    (tmp_path / "compose.yml").unlink()
    with pytest.raises(errors.ComposeFileError, match="No such file"):
        ComposeStep().check(context)


def test_names_that_the_file_has_already_are_left_to_it(tmp_path: Path) -> None:
    text = OLD + "volumes:\n  school-data-2:\nsecrets:\n  postgres-superuser-password:\n    file: theirs\n"
    carry_out(ComposeStep(), _context(tmp_path, text))
    found = _document(tmp_path)
    assert found["volumes"]["school-data-2"] is None
    assert found["volumes"]["school-data-2-2"]["name"] == "school-data-2"
    assert found["secrets"]["postgres-superuser-password"] == {"file": "theirs"}
    assert found["services"]["postgres"]["volumes"] == ["school-data-2-2:/var/lib/postgresql"]
