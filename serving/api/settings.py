"""How the API listens, as the environment says."""

import os
from dataclasses import dataclass
from typing import Self

from headwater.problem import HeadwaterError
from headwater.stack import API_CERTIFICATE as CERTIFICATE
from headwater.stack import API_HOST as HOST
from headwater.stack import Stack
from serving.api.tls import PRIVATE_KEY

OPEN, PLAIN = "HEADWATER_API_OPEN", "HEADWATER_API_PLAIN"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Settings:
    """How the API listens.

    Args:
        host: The address; loopback unless told otherwise.
        port: The stack's.
        is_open: Callers need no key. On loopback only.
        certificate: File of the TLS certificate and those that lead to it, or "" without TLS.
        private_key: File of its key.
    """

    host: str
    port: int
    is_open: bool = False
    certificate: str = ""
    private_key: str = ""

    @classmethod
    def of(cls, stack: Stack) -> Self:
        """What the environment says. Raises HeadwaterError for what would not be safe, or does not go together."""
        found = cls(
            os.environ.get(HOST) or "127.0.0.1",
            stack.ports.api,
            _switch(OPEN),
            os.environ.get(CERTIFICATE, ""),
            os.environ.get(PRIVATE_KEY, ""),
        )
        beyond = found.host not in _LOOPBACK
        if found.is_open and beyond:
            raise HeadwaterError(
                f"The API would answer anybody on {found.host}: {OPEN} is for loopback only",
                left="it was not started",
                next_command=f"unset {OPEN}, and make keys: headwater key create NAME",
            )
        if bool(found.certificate) != bool(found.private_key):
            raise HeadwaterError(
                f"TLS needs both {CERTIFICATE} and {PRIVATE_KEY}",
                left="the API was not started",
                next_command="set both, or unset both",
            )
        if beyond and not found.certificate and not _switch(PLAIN):
            raise HeadwaterError(
                f"Keys would go to {found.host} in the clear",
                left="the API was not started",
                next_command=f"set {CERTIFICATE} and {PRIVATE_KEY}, or {PLAIN}=1 where a proxy in front has TLS",
            )
        return found


def _switch(variable: str) -> bool:
    text = os.environ.get(variable, "0")
    if text not in ("0", "1", ""):
        raise HeadwaterError(f"{variable}={text} is neither 0 nor 1", next_command=f"unset {variable}")
    return text == "1"
