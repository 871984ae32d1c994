"""A message on its way, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from litelift.tell.message import Message, Way

DeliveryState = Literal["waits", "told", "given up"]


@dataclass(slots=True)
class Letter:
    """A message, and how far each way is with it."""

    id: int
    at: datetime
    message: Message
    deliveries: dict[Way, Delivery] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Whether a way has not taken it yet."""
        return any(delivery.state == "waits" for delivery in self.deliveries.values())


@dataclass(slots=True)
class Delivery:
    """How far a way is with a message."""

    state: DeliveryState = "waits"
    tries: int = 0
    wrong: str | None = None
    """Why it was not taken at the last try."""
