"""A TCP proxy before PostgreSQL, or another server, that cuts, freezes and refuses, at a moment of time or of the
protocol.

Messages are told apart as far as that takes: "Message Formats" in the PostgreSQL manual (a type's letter, then four
bytes of length; a client's first message has no letter).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal

Cut = Literal["rst", "fin"]
CHUNK = 1 << 18


@dataclass
class Trap:
    """What springs the proxy: ``side``'s message of ``letter`` whose body begins with one of ``words``, the nth."""

    side: Literal["server", "client"]
    letter: bytes
    words: tuple[bytes, ...]
    after: int
    one: bool
    how: Cut
    down: float = 0.0

    def fits(self, letter: bytes, body: bytes) -> bool:
        """Whether this is such a message."""
        return letter in (self.letter, b"P" if self.letter == b"Q" else self.letter) and (
            not self.words or body.lstrip(b"\0").upper().startswith(self.words)
        )


@dataclass
class BytesTrap:
    """What springs the proxy: bytes that have passed, of both sides or of one (0: the client's, 1: the server's)."""

    after: int
    one: bool
    how: Cut | Literal["freeze"]
    down: float = 0.0
    side: int | None = None


@dataclass
class Messages:
    """Follows one direction of one connection. ``typed`` is False while the client's first message is awaited."""

    typed: bool
    left: int = 0
    head: bytes = b""

    def feed(self, data: bytes, told: Callable[[bytes, bytes], bool]) -> int | None:
        """Tell of each message that begins in ``data``; where the first begins that ``told`` says True to."""
        at = 0
        view = self.head + data
        held = len(self.head)
        while True:
            step = min(self.left, len(view) - at)
            at, self.left = at + step, self.left - step
            if self.left or at >= len(view):
                self.head = b""
                return None
            size = 5 if self.typed else 4
            if len(view) - at < size + 16:
                # A short message (a CommandComplete, a Sync) may end here whole.
                if len(view) - at < size:
                    self.head = view[at:]
                    return None
                length = int.from_bytes(view[at + size - 4 : at + size], "big")
                if len(view) - at < size - 4 + length:
                    self.head = view[at:]
                    return None
            length = int.from_bytes(view[at + size - 4 : at + size], "big")
            if self.typed and told(view[at : at + 1], view[at + 5 : at + 5 + min(40, length - 4)]):
                return max(0, at - held)
            self.left = length + size - 4
            self.typed = True


@dataclass(eq=False)
class Pair:
    """One connection through the proxy."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    parts: list[Messages] = field(default_factory=lambda: [Messages(False), Messages(True)])

    def cut(self, how: Cut) -> None:
        """End both sides: at once with RST, or with FIN."""
        for writer in (self.client, self.server):
            transport = writer.transport
            if how == "rst":
                made = transport.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                transport.abort()
            else:
                transport.close()


class Proxy:
    """Listens on ``port`` of 127.0.0.1, in a thread of its own, and hands on to ``target``."""

    def __init__(self, target: int, *, postgres: bool = True) -> None:
        """``target``: the server's port. ``postgres``: whether it speaks that protocol; else only bytes are counted."""
        self.target = target
        self.postgres = postgres
        self.port = 0
        self.sides = [0, 0]
        self.commits = 0
        self.answers = 0
        self.trap: Trap | None = None
        self.bytes_trap: BytesTrap | None = None
        self.sprung = threading.Event()
        self._pairs: list[Pair] = []
        self._loop = asyncio.new_event_loop()
        self._flow = asyncio.Event()
        self._flow.set()
        self._refuse = False
        self._server: asyncio.Server | None = None
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait(60)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        ready.set()
        self._loop.run_forever()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=CHUNK)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flow.wait()
        try:
            if self._refuse:
                raise ConnectionRefusedError
            other, server = await asyncio.open_connection("127.0.0.1", self.target, limit=CHUNK)
        except OSError:
            writer.transport.abort()
            return
        pair = Pair(writer, server)
        self._pairs.append(pair)
        try:
            await asyncio.gather(
                self._pump(reader, server, pair, 0), self._pump(other, writer, pair, 1), return_exceptions=True
            )
        finally:
            self._pairs.remove(pair)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: Pair, side: int) -> None:
        try:
            while data := await reader.read(CHUNK):
                await self._flow.wait()
                self.sides[side] += len(data)
                at = None
                if self.postgres:
                    at = pair.parts[side].feed(data, lambda letter, body: self._sees(side, letter, body))
                if at is not None:
                    # All before that message goes through, the message itself never.
                    writer.write(data[:at])
                    assert self.trap is not None
                    trap, self.trap = self.trap, None
                    self._spring(pair, trap.one, trap.how, trap.down)
                    return
                limit = self.bytes_trap
                if limit is not None and self._bytes(limit.side) >= limit.after:
                    self.bytes_trap = None
                    if limit.how != "freeze":
                        self._spring(pair, limit.one, limit.how, limit.down)
                        return
                    self._flow.clear()
                    self.sprung.set()
                    await self._flow.wait()
                writer.write(data)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pair.cut("rst")
        finally:
            # What one side ends the other must hear of; litelift's sessions never half-close.
            writer.close()

    @property
    def passed(self) -> int:
        """Bytes of both sides."""
        return sum(self.sides)

    def _bytes(self, side: int | None) -> int:
        return self.passed if side is None else self.sides[side]

    def _sees(self, side: int, letter: bytes, body: bytes) -> bool:
        if side == 1 and letter == b"C":
            self.answers += 1
            self.commits += body.startswith(b"COMMIT")
        trap = self.trap
        if trap is None or (trap.side == "server") != (side == 1) or not trap.fits(letter, body):
            return False
        trap.after -= 1
        return trap.after <= 0

    def _spring(self, pair: Pair, one: bool, how: Cut, down: float) -> None:
        for other in [pair] if one else list(self._pairs):
            other.cut(how)
        if down:
            self._refuse = True
            self._loop.call_later(down, self._welcome)
        self.sprung.set()

    def _welcome(self) -> None:
        self._refuse = False

    # ------------------------------------------------------------- from other threads

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def cut(self, *, one: int | None, how: Cut, down: float = 0.0) -> int:
        """Cut all connections, or one (the ``one``th of those that are there); how many. None new for ``down`` s."""

        async def work() -> None:
            pairs = list(self._pairs)
            chosen = pairs if one is None else [pairs[one % len(pairs)]] if pairs else []
            count.append(len(chosen))
            if chosen:
                self._spring(chosen[0], one is not None, how, down)

        count: list[int] = []
        self._call(work())
        return count[0]

    def freeze(self, frozen: bool) -> int:
        """Let no byte through, or all again; how many connections there are."""

        async def work() -> None:
            (self._flow.clear if frozen else self._flow.set)()

        self._call(work())
        return len(self._pairs)

    def heal(self) -> None:
        """Let everything through again."""
        self.trap = self.bytes_trap = None
        self._refuse = False
        self.sprung.clear()
        self.freeze(False)

    def close(self) -> None:
        """Cut all, and end."""
        self.heal()
        self.cut(one=None, how="rst")

        async def work() -> None:
            if self._server is not None:
                self._server.close()

        self._call(work())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
