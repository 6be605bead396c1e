"""Play the upstream by the wall clock, for ever, going on where the last run stopped."""

import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import click

from headwater.model import Market
from headwater.problem import HeadwaterError
from simulator.demand import Rate
from simulator.instant import iso
from simulator.markets import trades
from simulator.progress import Progress, Settings, begin, load, save
from simulator.record import Record
from simulator.sink import Sink, ensure_topics
from simulator.stream import ORDINARY, Disorder, Script, records
from simulator.tally import Tally

RUN = 1  # a replay is run 0
_TICK = 0.1  # seconds between looks at the clock
_SAVE = 2.0  # seconds between flushes
_FLUSH = 1.0
_FLUSH_TO_STOP = 4.0


class Outlet(Protocol):
    """Where records go."""

    def offer(self, record: Record) -> bool:
        """Queue a record; False when there is no room."""
        ...

    def serve(self) -> None:
        """Look after what is queued."""
        ...

    def flush(self, seconds: float) -> bool:
        """Wait until everything queued has arrived; False when that takes longer."""
        ...


class Stop(Protocol):
    """Tells the player when to stop; a threading.Event."""

    def is_set(self) -> bool:
        """Stop now."""
        ...

    def wait(self, timeout: float) -> bool:
        """Wait for that long, or until it is set."""
        ...


def _say(line: str) -> None:
    click.echo(line, err=True)


def _now() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Player:
    """Sends each record when it is due.

    Args:
        progress: Where to begin.
        script: What to play.
        outlet: Where records go.
        file: Where the progress is kept, every two seconds and at the end.
        stop: When to stop.
        now: The instant; the wall clock.
        say: Told in a line what a reader of the log wants to know.
    """

    progress: Progress
    script: Script
    outlet: Outlet
    file: Path
    stop: Stop
    now: Callable[[], int] = _now
    say: Callable[[str], None] = _say

    def play(self) -> None:
        """Until told to stop; then everything sent is with the broker and recorded.

        Raises HeadwaterError, unreachable, when the broker does not take the rest in four seconds.
        """
        tally, saved_at = Tally(self.progress.sent), self.now()
        for record in records(self.script, self.progress.minutes(), after=self.progress.sent_through):
            while not self.stop.is_set():
                now = self.now()
                if now - saved_at >= _SAVE * 1_000:
                    self._save(min(record.sent_at - 1, now), tally)
                    saved_at = self.now()
                if record.sent_at <= now and self.outlet.offer(record):
                    tally.count(record)
                    break
                self.outlet.serve()
                if record.sent_at > now:
                    self.stop.wait(min(_TICK, (record.sent_at - now) / 1_000))
            else:
                self._finish(min(record.sent_at - 1, self.now()), tally)
                return

    def _save(self, through: int, tally: Tally) -> None:
        if self.outlet.flush(_FLUSH):
            self.progress = self.progress.moved(through, tally.sent())
            save(self.progress, self.file)
        else:
            self.say(f"The broker has not taken everything after {iso(self.progress.sent_through)} yet; waiting.")

    def _finish(self, through: int, tally: Tally) -> None:
        if not self.outlet.flush(_FLUSH_TO_STOP):
            raise HeadwaterError(
                f"The broker did not take the last records within {_FLUSH_TO_STOP:.0f} s.",
                left=f"everything up to {iso(self.progress.sent_through)} is sent; the next start sends the rest",
                next_command="headwater logs kafka",
                unreachable=True,
            )
        self.progress = self.progress.moved(through, tally.sent())
        save(self.progress, self.file)
        self.say(f"Stopped; everything up to {iso(self.progress.sent_through)} is sent.")


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How to play.

    Args:
        orders_per_second: World-wide, if every market were at its evening peak at once; about a third of it on average.
        history: Minutes of the past that a first start, or one after a pause, fills at once.
    """

    orders_per_second: float = 20.0
    history: int = 25
    seed: int = 1
    disorder: Disorder = ORDINARY


def live(bootstrap: str, markets: Iterable[Market], home: Path, options: LiveOptions) -> None:
    """Play until SIGTERM or SIGINT.

    Args:
        bootstrap: The broker's address.
        home: The state folder; progress and counts are kept in its `simulator/live.json`.
    Raises HeadwaterError when no broker answers, or when another live simulator uses this state folder.
    """
    from filelock import FileLock, Timeout

    file = home / "simulator" / "live.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(file.with_suffix(".lock"), timeout=0):
            _play(bootstrap, tuple(markets), file, options)
    except Timeout as error:
        raise HeadwaterError(
            f"Another live simulator is at work in {home}; a second one would send every record twice.",
            next_command="headwater status",
        ) from error


def _play(bootstrap: str, markets: tuple[Market, ...], file: Path, options: LiveOptions) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = Settings(options.seed, options.orders_per_second, tuple(market.code for market in markets))
    progress = begin(load(file), settings, _now(), options.history)
    play = trades(markets)
    rate = Rate(play, options.orders_per_second, options.seed)
    script = Script(options.seed, RUN, play, rate, options.disorder)
    ensure_topics(bootstrap)
    player = Player(progress, script, Sink(bootstrap), file, stop)
    player.say(f"Playing {len(markets)} markets to {bootstrap}, on from {iso(progress.sent_through)}.")
    player.play()
