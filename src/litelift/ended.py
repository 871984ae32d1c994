"""A signal that asks to end, as an exception."""

from __future__ import annotations

from typing import ClassVar


class Ended(KeyboardInterrupt):
    """A signal that asks to end, which is met as Ctrl-C is: what is half done is taken back first."""

    asked: ClassVar[int | None] = None
    """The first such signal of this process."""
    told: ClassVar[bool] = False
    """Whether the user was told of it."""

    def __init__(self, number: int) -> None:
        """``number`` of the signal."""
        super().__init__(number)
        self.number = number
        if Ended.asked is None:
            Ended.asked = number
