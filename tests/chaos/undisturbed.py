"""The move that nobody disturbs: what every disturbed one is held against."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from chaos.client import Client, complaints
from chaos.compare import compare, contents, picture
from chaos.proxy import Proxy
from chaos.scene import Undisturbed
from chaos.server import Server


class NotEvenUndisturbed(Exception):
    """A move that nobody disturbed went wrong."""


def undisturbed(name: str, path: Path, server: Server, *, sample: bool = False) -> Undisturbed:
    """Move a database through a proxy that counts, and look at what arrived. Raises NotEvenUndisturbed."""
    database = f"undisturbed_{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    server.fresh(database)
    proxy = Proxy(server.port)
    try:
        report = path.with_name(f"{path.name}.report")
        client = Client.start("migrate", path, server.url(database, proxy.port), "--jobs", "2", "--report", report)
        ended = client.end()
        wrong = complaints(ended)
        if ended.status not in (0, 3) or wrong:
            raise NotEvenUndisturbed(f"{name}: {ended.status} {wrong} {ended.err}")
        passed, commits, answers = proxy.passed, proxy.commits, proxy.answers
    finally:
        proxy.close()
    if not sample:
        with server.admin(database) as target:
            compared = compare(path, target)
        if compared.wrong:
            raise NotEvenUndisturbed(f"{name}: {compared.wrong}")
    verified = Client.start("verify", path, server.url(database), undisturbed=True).end()
    with server.admin(database) as target:
        made = Undisturbed(
            name=name,
            path=path,
            status=ended.status,
            verified=verified.status,
            picture=picture(target, server.dump(database)),
            durations={**client.seconds, "start": 0.3},
            bytes=passed,
            commits=commits,
            answers=answers,
            sample=sample,
            contents=contents(target) if sample else (),
        )
    server.drop(database)
    time.sleep(0.1)
    return made
