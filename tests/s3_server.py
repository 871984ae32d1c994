"""A server that speaks the S3 protocol (moto's), in a process of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3

START = """
import sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class S3Server:
    """A server, which lets everybody in until it is told otherwise."""

    port: int

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> Any:
        """One that goes to it straight."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="AKIAEXAMPLE",
            aws_secret_access_key="straight",
        )

    def look_at_keys(self, strict: bool) -> None:
        """Refuse keys that it did not give out; or let everybody in again."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset-auth", data=b"0" if strict else b"inf")
        request.add_header("Content-Type", "text/plain")
        urllib.request.urlopen(request, timeout=60).close()


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """Start one."""
    process = subprocess.Popen(
        [sys.executable, "-c", START], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        yield S3Server(int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
