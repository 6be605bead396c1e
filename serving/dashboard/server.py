"""Serving the pages: NiceGUI's server with the house's pages in it."""

from nicegui import app, ui

from headwater.stack import Stack
from resources.declarations import warehouse
from serving.dashboard.house import House
from serving.dashboard.site import build


def serve(stack: Stack, port: int) -> None:
    """Serve until the process is told to end. Raises HeadwaterError for declarations that do not hold together."""
    house = House(stack, warehouse(stack))
    build(house)
    app.on_startup(house.open)
    app.on_shutdown(house.close)
    ui.run(
        host="127.0.0.1",
        port=port,
        title="Headwater",
        reload=False,
        show=False,
        show_welcome_message=False,
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=30.0,
        message_history_length=100,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=2,
    )
