"""Whatever a tool prints: it is read, or taken for nothing, and never ends litelift's own command."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from litelift.backup.wal import barman, pgbackrest, walg
from litelift.backup.wal.archive import part
from litelift.backup.wal.found import BaseBackup
from litelift.backup.wal.segments import gaps
from test_backup_wal_walg import BACKUPS, IDENTIFIER, SIZE, TIMELINES

DOCUMENTS: dict[str, Any] = {
    "info": [
        {
            "name": "school",
            "status": {"code": 0, "message": "ok"},
            "repo": [{"key": 1, "status": {"code": 99, "message": "[PathOpenError] unable to list"}}],
            "db": [{"id": 1, "repo-key": 1, "system-id": int(IDENTIFIER), "version": "15"}],
            "archive": [{"database": {"id": 1, "repo-key": 1}, "id": "15-1", "min": None, "max": None}],
            "backup": [
                {
                    "label": "20261123-220730F",
                    "type": "full",
                    "error": None,
                    "database": {"id": 1, "repo-key": 1},
                    "archive": {"start": "000000010000000000000002", "stop": "000000010000000000000002"},
                    "info": {"size": 22992484, "repository": {"size": 3043447}},
                    "timestamp": {"start": 1795471650, "stop": 1795471652},
                }
            ],
        }
    ],
    "check": {"school": {"ssh": {"hint": "", "status": "OK"}, "wal_archive": {"hint": "ship", "status": "FAILED"}}},
    "backups": {"school": [{"backup_id": "20261122T1", "status": "DONE", "end_time_timestamp": "1795471870"}]},
    "backup": {
        "school": {
            "error": None,
            "base_backup_information": {
                "begin_time_timestamp": "1795471866",
                "disk_usage_bytes": 23138453,
                "begin_wal": "000000010000000000000006",
                "end_wal": "000000010000000000000006",
            },
        }
    },
    "backup-list": BACKUPS,
    "wal-show": TIMELINES,
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        yield from places(value, (*path, key))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    document = copy.deepcopy(document)
    at = document
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return document


def read(name: str, document: Any) -> None:
    if name == "info":
        pgbackrest.read_info(document, "school", IDENTIFIER)
        pgbackrest.read_info(document, None, IDENTIFIER)
    elif name == "check":
        barman.read_check(document, "school")
    elif name == "backups":
        barman.read_backups(document, "school")
    elif name == "backup":
        known = BaseBackup(name="20261122T1", kind="full")
        made = barman.read_backup(part(document, "school"), known)
        assert BaseBackup.model_validate(made.model_dump()) == made
    elif name == "backup-list":
        walg.read_backups(document, IDENTIFIER)
    else:
        gaps(walg.read_timelines(document, SIZE))


@given(data=st.data(), value=anything)
def test_a_document_with_anything_anywhere_is_read(data: st.DataObject, value: Any) -> None:
    name = data.draw(st.sampled_from(sorted(DOCUMENTS)))
    path = data.draw(st.sampled_from(list(places(DOCUMENTS[name]))))
    document = changed(DOCUMENTS[name], path, value)
    # Barman's are objects, or are refused before.
    read(name, document if isinstance(document, dict) or not isinstance(DOCUMENTS[name], dict) else {})
