"""Whom a check trusts to be the server that it names."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path

from litelift.cutover.health.settings_base import file_of
from litelift.cutover.health.settings_http import HttpSettings
from litelift.errors import HealthCheckUnusable


def trust_of(check: HttpSettings, folder: Path) -> ssl.SSLContext:
    """What a check says of it; paths are relative to ``folder``. Raises HealthCheckUnusable."""
    if not check.verify:
        anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anybody.check_hostname = False
        anybody.verify_mode = ssl.CERT_NONE
        return anybody
    if check.ca is None:
        return _systems_own()
    path = file_of(folder, check.ca)
    try:
        return ssl.create_default_context(cafile=path)
    except (ssl.SSLError, OSError):
        raise HealthCheckUnusable(check=check.name, message=f"{path} (ca) holds no certificate in PEM") from None


@cache
def _systems_own() -> ssl.SSLContext:
    """Whom the system trusts; not httpx's own list, which knows no authority of the house."""
    return ssl.create_default_context()
