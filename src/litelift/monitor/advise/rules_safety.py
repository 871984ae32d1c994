"""Settings by which data, or a session's answer, may be lost."""

from __future__ import annotations

from collections.abc import Iterator

from litelift.monitor.advise.advice import Advice
from litelift.monitor.advise.server_facts import Facts
from litelift.monitor.advise.server_settings import ServerSettings
from litelift.report.format import count

_SWITCHES = (
    ("fsync", 100, "a power cut or a crash of the machine can destroy the whole cluster", '20.5.1 "Settings"'),
    ("full_page_writes", 99, "a page that a crash has half written cannot be mended", '20.5.1 "Settings"'),
    (
        "autovacuum",
        95,
        "dead rows are never removed, and at last the server refuses to write",
        '20.10 "Automatic Vacuuming"',
    ),
    (
        "track_counts",
        94,
        "without it autovacuum does not know what to do",
        '20.9.1 "Cumulative Query and Index Statistics"',
    ),
)


def safety_rules(settings: ServerSettings, facts: Facts) -> Iterator[Advice]:
    """What is dangerous as it is."""
    for name, weight, what, source in _SWITCHES:
        if name in settings and not settings.is_on(name):
            gain = "nothing is lost by it"
            why = f"It is off: {what}"
            yield settings.advice(name, "on", why, gain=gain, weight=weight, source=source, kind="safety")
    name = "password_encryption"
    if name in settings and settings[name].setting in ("md5", "on"):
        yield settings.advice(
            name,
            "scram-sha-256",
            "New passwords are kept as MD5, which is known to be weak and which PostgreSQL gives up; "
            "each role's password has to be set "
            "again for it to change",
            gain="a stolen backup of the roles does not give their passwords away",
            weight=40,
            source='21.5 "Password Authentication"',
            kind="safety",
        )
    name = "ssl"
    if name in settings and not settings.is_on(name) and facts.unencrypted:
        yield settings.advice(
            name,
            "on",
            f"{count(facts.unencrypted, 'session')} from another machine came without TLS: passwords "
            "and rows can be read on the way",
            gain="nobody on the network reads along",
            weight=60,
            source='19.9 "Secure TCP/IP Connections with SSL"',
            kind="safety",
            blocked=(
                "put the server's certificate and key in place first (server.crt, server.key); it would "
                "not start without them"
            ),
        )
