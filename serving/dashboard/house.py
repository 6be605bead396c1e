"""What one process of the dashboard has: the feeds of all declared dashboards, the freshness, and who looks."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from headwater.dashboard.dashboard import Dashboard
from headwater.model import Warehouse
from headwater.stack import Stack
from serving.dashboard.audience import Audience
from serving.dashboard.feed import Feed, State
from serving.dashboard.freshness import Freshnesses, Measured, in_words
from serving.dashboard.sql.room import Room


class House:
    """The shared part of all pages.

    Args:
        stack: Whose lake, and whose other processes are linked to.
        declared: Its declarations.
        room: Where questions in SQL are answered.
    """

    def __init__(self, stack: Stack, declared: Warehouse, room: Room) -> None:
        self.stack = stack
        self.declared = declared
        self.room = room
        self.audience = Audience(self._arrived)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.feeds = {
            dashboard.name: Feed(
                stack, dashboard, declared.markets, watched=lambda: self.audience.is_there, changed=self._changed
            )
            for dashboard in declared.dashboards
        }
        self.freshness = Freshnesses(
            stack.watch_url,
            declared,
            [dashboard.table for dashboard in declared.dashboards],
            watched=lambda: self.audience.is_there,
            changed=self._looked,
        )

    def open(self) -> None:
        """Begin, in the event loop that serves the pages."""
        self._loop = asyncio.get_running_loop()
        for feed in self.feeds.values():
            feed.start()
        self.freshness.start()

    def close(self) -> None:
        """End."""
        for feed in self.feeds.values():
            feed.stop()
        self.freshness.stop()

    def measured(self, dashboard: Dashboard) -> Measured | None:
        """How fresh its table is; None when not known."""
        return self.freshness.news.tables.get(dashboard.table)

    def stale_words(self, dashboard: Dashboard) -> str:
        """What a reader must be told of the numbers' age or absence; "" for nothing."""
        state = self.feeds[dashboard.name].state
        if state.frame is None:
            return state.trouble or "Reading the table for the first time …"
        trouble = f" {state.trouble}." if state.trouble else ""
        up_to = state.frame.snapshot.watermark or state.frame.snapshot.committed_at
        promise = self.declared.model(dashboard.table).freshness
        now = datetime.now(UTC)
        return in_words(self.measured(dashboard), promise, up_to, state.as_of or now, now) + trouble

    def _arrived(self) -> None:
        for feed in self.feeds.values():
            feed.wake()
        self.freshness.wake()

    def _changed(self, _state: State) -> None:
        self._in_loop(self.audience.tell)

    def _looked(self) -> None:
        self._in_loop(self.audience.tell)

    def _in_loop(self, call: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)
