"""Who may look: every request and every websocket passes here first, NiceGUI's own among them.

A browser sends requests for pages of other sites, too. So a request that says to come from another origin is refused
whatever its cookie, and without a login the name that the browser was told must be this machine's: otherwise a site
could have its own name lead here (DNS rebinding).
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote, urlsplit

from serving.dashboard.sessions import COOKIE, Sessions
from serving.dashboard.settings import Login, Settings, is_loopback

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_OPEN_PATHS = ("/login", "/assets/page.css")
USER = "headwater.user"
"""Where a request's scope has the name of who looks."""


class Guard:
    """An ASGI middleware.

    Args:
        app: What it guards.
        settings: How people log in.
        sessions: Who has; only with accounts.
    """

    def __init__(self, app: App, settings: Settings, sessions: Sessions | None) -> None:
        self._app = app
        self._settings = settings
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if not self._is_ours(headers):
            await _refuse(scope, receive, send, 403, "This address is not for pages of other sites.")
            return
        user = self._user(scope, headers)
        scope[USER] = user or ""
        path = scope["path"]
        if user is not None or (self._settings.login is Login.ACCOUNTS and path in _OPEN_PATHS):
            await self._app(scope, receive, send)
        elif self._settings.login is Login.ACCOUNTS and scope["type"] == "http" and _is_page(headers):
            query = scope["query_string"].decode("latin-1")
            wanted = path + (f"?{query}" if query else "")
            await _answer(send, 303, "", [(b"location", f"/login?next={quote(wanted, safe='')}".encode())])
        else:
            said = "Log in first." if self._settings.login is Login.ACCOUNTS else "The proxy in front names nobody."
            await _refuse(scope, receive, send, 401, said)

    def _is_ours(self, headers: dict[str, str]) -> bool:
        host = headers.get("host", "")
        origin = headers.get("origin", "")
        if origin and urlsplit(origin).netloc != host:
            return False
        return not self._settings.is_open or is_loopback(urlsplit(f"//{host}").hostname or "")

    def _user(self, scope: Scope, headers: dict[str, str]) -> str | None:
        """Who looks: "" where nobody is asked, None for a stranger."""
        match self._settings.login:
            case Login.NONE:
                return ""
            case Login.PROXY:
                client = scope.get("client")
                is_proxy = client is not None and client[0] in self._settings.proxies
                return (headers.get(self._settings.header) or None) if is_proxy else None
            case Login.ACCOUNTS:
                return self._sessions.user(_cookie(headers.get("cookie", ""))) if self._sessions else None


def _cookie(header: str) -> str:
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return next((value for name, _, value in pairs if name == COOKIE), "")


def _is_page(headers: dict[str, str]) -> bool:
    return "text/html" in headers.get("accept", "")


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, said: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": said})
    else:
        await _answer(send, status, said, [])


async def _answer(send: Send, status: int, said: str, headers: list[tuple[bytes, bytes]]) -> None:
    plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"), *headers]
    await send({"type": "http.response.start", "status": status, "headers": plain})
    await send({"type": "http.response.body", "body": f"{said}\n".encode() if said else b""})
