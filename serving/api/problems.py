"""Answers that say no, as RFC 9457 has them: application/problem+json (https://www.rfc-editor.org/rfc/rfc9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson

CONTENT_TYPE = b"application/problem+json"


class Problem(Exception):
    """Why a request is not answered.

    Args:
        status: HTTP's.
        kind: The last part of the problem's type, `urn:headwater:problem:<kind>`; never changes its meaning.
        detail: What is wrong with this request, for people.
        headers: Besides those that every answer has.
        members: Further members of the JSON object.
    """

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        detail: str,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = headers
        self.members = members or {}

    def body(self) -> bytes:
        """The JSON object."""
        return orjson.dumps(
            {
                "type": f"urn:headwater:problem:{self.kind}",
                "title": self.status.phrase,
                "status": self.status.value,
                "detail": self.detail,
                **self.members,
            }
        )


def malformed(detail: str) -> Problem:
    """The request is not one that could be answered."""
    return Problem(HTTPStatus.BAD_REQUEST, "malformed", detail)


def unauthorized(detail: str) -> Problem:
    """No key, or none that is good."""
    return Problem(HTTPStatus.UNAUTHORIZED, "key", detail, ((b"www-authenticate", b'Bearer realm="headwater"'),))


def forbidden(detail: str) -> Problem:
    """The key does not reach so far."""
    return Problem(HTTPStatus.FORBIDDEN, "scope", detail)


def not_allowed(allowed: str) -> Problem:
    """The method is none that this address has."""
    detail = f"this address answers {allowed}"
    return Problem(HTTPStatus.METHOD_NOT_ALLOWED, "method", detail, ((b"allow", allowed.encode()),))


def too_many(seconds: float) -> Problem:
    """The key's rate is used up."""
    after = str(max(1, round(seconds + 0.5))).encode()
    detail = "this key makes more requests than it may"
    return Problem(HTTPStatus.TOO_MANY_REQUESTS, "rate", detail, ((b"retry-after", after),))


def store_away() -> Problem:
    """The store cannot be asked; why is said to the log alone, since its address may hold a password."""
    return unavailable("store", "the store does not answer", 5)


def internal() -> Problem:
    """The API itself is at fault; how is said to the log alone."""
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "the API failed; its log says why")


def unavailable(kind: str, detail: str, after: int, members: Mapping[str, Any] | None = None) -> Problem:
    """It may be answered later."""
    headers = ((b"retry-after", str(after).encode()),)
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, kind, detail, headers, members)
