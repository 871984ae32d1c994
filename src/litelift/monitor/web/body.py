"""What somebody posts: a small form, or nothing of it."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request

MOST_BYTES = 4096


async def form(request: Request) -> dict[str, str]:
    """The fields of a form, the first of each name. Raises HTTPException: 413, 415 or 400."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
        raise HTTPException(415, "a form is expected")
    held = bytearray()
    async for part in request.stream():
        held += part
        if len(held) > MOST_BYTES:
            raise HTTPException(413, "that is too much")
    try:
        fields = parse_qs(held.decode("ascii"), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        raise HTTPException(400, "that is no form") from None
    return {name: values[0] for name, values in fields.items()}
