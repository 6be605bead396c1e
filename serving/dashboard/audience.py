"""Everybody who looks: each page is brought up to date when there is something new, one after the other."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(eq=False)
class Viewer:
    """One open page.

    Args:
        refresh: Bring it up to date.
        is_seen: Its tab is in front; a hidden page is brought up to date when it comes back.
    """

    refresh: Callable[[], None]
    is_seen: bool = True
    is_late: bool = False

    def seen(self, is_seen: bool) -> None:
        """The tab has come to the front, or gone from it."""
        self.is_seen = is_seen
        if is_seen and self.is_late:
            self.update()

    def update(self) -> None:
        """Bring it up to date now, or later when it is hidden."""
        self.is_late = not self.is_seen
        if self.is_seen:
            self.refresh()


@dataclass
class Audience:
    """The open pages of this process.

    Args:
        arrived: Called when somebody comes.
    """

    arrived: Callable[[], None] = lambda: None
    viewers: set[Viewer] = field(default_factory=set)
    _round: asyncio.Task[None] | None = None
    _again: bool = False

    def join(self, viewer: Viewer) -> None:
        """From now on the page is brought up to date."""
        self.viewers.add(viewer)
        self.arrived()

    def leave(self, viewer: Viewer) -> None:
        """The page is gone."""
        self.viewers.discard(viewer)

    @property
    def is_there(self) -> bool:
        """Somebody looks."""
        return bool(self.viewers)

    def tell(self) -> None:
        """There is something new; news that come while pages are brought up to date are told after it, once."""
        if self._round is not None and not self._round.done():
            self._again = True
            return
        self._again = False
        self._round = asyncio.get_running_loop().create_task(self._tell_each())

    async def _tell_each(self) -> None:
        while True:
            self._again = False
            began = time.monotonic()
            for viewer in tuple(self.viewers):
                try:
                    viewer.update()
                except Exception:
                    logging.exception("a page could not be brought up to date")
                    self.leave(viewer)
                # Others' clicks and answers are not kept waiting until all pages are done.
                if time.monotonic() - began > _TURN_SECONDS:
                    await asyncio.sleep(0)
                    began = time.monotonic()
            if not self._again:
                return


_TURN_SECONDS = 0.01
