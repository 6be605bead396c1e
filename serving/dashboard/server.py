"""Serving the pages: NiceGUI's server with the house's pages in it."""

from fastapi import Request, Response
from nicegui import app, ui

from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.accounts import Accounts
from resources.declarations import warehouse
from serving.dashboard.guard import Guard
from serving.dashboard.house import House
from serving.dashboard.login import add_login
from serving.dashboard.sessions import Sessions
from serving.dashboard.settings import Login, Settings
from serving.dashboard.site import build
from serving.dashboard.sql.room import Room

_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'"
)
"""Nothing comes from elsewhere. NiceGUI's page runs scripts that stand in it, and compiles its templates."""


def serve(stack: Stack, settings: Settings) -> None:
    """Serve until the process is told to end. Raises HeadwaterError for declarations that do not hold together."""
    accounts = Accounts.of(stack)
    if settings.login is Login.ACCOUNTS and not accounts.names:
        raise HeadwaterError("Nobody could log in: there is no account", next_command="headwater user add NAME")
    house = House(stack, warehouse(stack), Room(stack, settings.askers, settings.sql_seconds))
    build(house)
    sessions = None
    if settings.login is Login.ACCOUNTS:
        sessions = Sessions(accounts, stack.home / "dashboard")
        add_login(app, accounts, sessions)

    @app.middleware("http")
    async def harden(request: Request, call_next) -> Response:  # noqa: ANN001
        response = await call_next(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response

    app.add_middleware(Guard, settings=settings, sessions=sessions)
    app.on_startup(house.open)
    app.on_startup(house.room.open)
    app.on_shutdown(house.close)
    app.on_shutdown(house.room.close)
    ui.run(
        host=settings.host,
        port=settings.port,
        title="Headwater",
        reload=False,
        show=False,
        show_welcome_message=False,
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=30.0,
        message_history_length=100,
        ws_per_message_deflate=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
