"""The session in which a check is made: of the login check that it names."""

from __future__ import annotations

from litelift.cutover.health.attempt import Attempt
from litelift.cutover.health.browser import Session
from litelift.cutover.health.result import Failing
from litelift.cutover.health.settings_http import InSession


def session_of(check: InSession, attempt: Attempt) -> Session | None:
    """The session that the check names; None where it names none. Raises Failing where that login failed."""
    if check.session is None:
        return None
    found = attempt.surroundings.sessions.get(check.session)
    if found is None:
        raise Failing(f"the session of {check.session}", "none, for that login failed")
    return found
