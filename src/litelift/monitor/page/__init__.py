"""The dashboard's page: what is to be seen (`View`), as HTML, as the fragments of a page that is open, and its files.

All links are relative, so that the pages may stand under any path; they lead to ".", "login", "logout" (POST),
"report", "quarantine" (with "table" and "after"), "quarantine.csv", "quarantine.json" (with "table") and
"static/NAME?v=HASH". The query parameter "language" is "en" or "az". "events" sends server-sent events "update"
whose data is {"fragments": {id: html}}: all of them, in their order, to who has just come, then those that are no
longer what was sent last; and an event "alive" with any data at least every 20 seconds, by which the page knows
that nothing is lost. `view` is to be made anew every few seconds even where nobody has written samples, for that
nobody does is to be seen; `around` once in a minute.
"""

from __future__ import annotations

from litelift.monitor.page.around import Around, around
from litelift.monitor.page.assets import ASSETS, POLICY, Asset
from litelift.monitor.page.entries import Entries, Entry
from litelift.monitor.page.render import document, fragments, login, quarantine
from litelift.monitor.page.view import View, view

__all__ = [
    "ASSETS",
    "POLICY",
    "Around",
    "Asset",
    "Entries",
    "Entry",
    "View",
    "around",
    "document",
    "fragments",
    "login",
    "quarantine",
    "view",
]
