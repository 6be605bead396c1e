"""What a request brings with it, up to a length."""

from fastapi import Request


async def body_of(request: Request, longest: int) -> bytes | None:
    """The whole body; None when it has more bytes than `longest`, of which no more are read then."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > longest:
            return None
    return body
