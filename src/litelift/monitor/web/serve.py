"""Serves the dashboard until it is told to end."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from litelift.monitor.watched import Watched
from litelift.monitor.web.application import Dashboard
from litelift.monitor.web.bind import listening, unix_listening
from litelift.monitor.web.chosen import Chosen
from litelift.monitor.web.connections import MOST, OF_ONE_ADDRESS, Connections
from litelift.monitor.web.current import Current
from litelift.monitor.web.events import Events
from litelift.monitor.web.guard import Access, Guard
from litelift.monitor.web.limits import Logins, Requests
from litelift.monitor.web.log import Log
from litelift.monitor.web.looking import Looking
from litelift.monitor.web.proxies import behind, is_shared
from litelift.monitor.web.server import Server, configured, told_by
from litelift.monitor.web.sessions import Sessions
from litelift.monitor.web.tls import Certificate


def serve(watched: Watched, chosen: Chosen, *, ready: Callable[[list[str]], None], say: Callable[[str], None]) -> None:
    """Serve it, until SIGINT, SIGTERM or SIGHUP.

    Args:
        watched: what is shown.
        chosen: where, and to whom.
        ready: is told the addresses once somebody can come.
        say: prints a line of the log.

    Raises:
        ServeRefused, AddressUnusable.
    """
    certificate = Certificate(*chosen.certificate) if chosen.certificate is not None else None
    with _listeners(chosen) as listeners:
        log = Log(say)
        current = Current(watched)
        looking = Looking(watched, log)
        try:
            with told_by(log):
                events = Events(current, log)
                server = _server(watched, chosen, listeners, current, events, log, certificate)
                server.ready = lambda: ready(_urls(chosen, listeners))
                looking.start()
                server.run()
        finally:
            looking.end()
            current.close()
            log.close()


def _server(
    watched: Watched,
    chosen: Chosen,
    listeners: list[socket.socket],
    current: Current,
    events: Events,
    log: Log,
    certificate: Certificate | None,
) -> Server:
    given = tuple(one for one in (chosen.token, chosen.password) if one is not None)
    # Cookies are of a host, whatever the port (RFC 6265, section 8.5): two servers of one must not end each other's.
    name = f"litelift_{_port(listeners[0])}" if chosen.where else "litelift"
    access = Access(chosen.token, chosen.password, Sessions(given, chosen.hours), Requests(), Logins(), Logins(), name)
    guarded = Guard(Dashboard(watched, access, current, events, log).application(), access, log)
    application = behind(guarded, chosen.proxies) if chosen.proxies else guarded
    connections = Connections(is_shared(chosen.proxies), MOST, OF_ONE_ADDRESS)
    return Server(configured(application, chosen.root_path), listeners, connections, log, certificate, events.end)


@contextmanager
def _listeners(chosen: Chosen) -> Iterator[list[socket.socket]]:
    if chosen.socket is None:
        made = listening(list(chosen.where))
    else:
        # Who may connect is decided by the password where there is one, and by the file where not.
        with_secret = chosen.token is not None or chosen.password is not None
        made = [unix_listening(chosen.socket, 0o666 if with_secret else 0o600)]
    try:
        yield made
    finally:
        for one in made:
            one.close()
        if chosen.socket is not None:
            chosen.socket.unlink(missing_ok=True)


def _urls(chosen: Chosen, listeners: list[socket.socket]) -> list[str]:
    """Where it is reached; by a proxy with --root-path before that."""
    if chosen.socket is not None:
        return [f"unix:{chosen.socket}"]
    scheme = "https" if chosen.certificate is not None else "http"
    found = []
    for listener in listeners:
        host, port = listener.getsockname()[:2]
        found.append(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/")
    return found


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])
