"""How fresh a dashboard's table is, by hop: what the process `watch` measures, asked for while somebody looks."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import httpx

from headwater.lag.hops import NO_TIME, Hop, HopKind, State
from headwater.model import Freshness, TableName, Warehouse
from serving.dashboard import wording
from serving.dashboard.rounds import Rounds

_EVERY_SECONDS = 10.0
_OLD = timedelta(seconds=45)
_PAUSE = timedelta(seconds=20)
"""How long ago the table was last asked for its snapshot, from which on that is why the numbers are old."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What `watch` said of one table.

    Args:
        at: When it was asked.
        hops: Every step from the sources into the table, those of the tables above it first.
        behind: The age of the oldest data that a source has and the table has not; None when not measured.
        state: That against the table's promise.
    """

    at: datetime
    hops: tuple[Hop, ...]
    behind: timedelta | None
    state: State

    @property
    def guilty(self) -> Hop | None:
        """The hop that eats most of the time; None when nothing waits."""
        return max((hop for hop in self.hops if hop.own > NO_TIME), key=lambda hop: hop.own, default=None)


@dataclass(frozen=True, slots=True)
class News:
    """The newest look, by table; `trouble` says in words why there is none."""

    tables: Mapping[TableName, Measured]
    trouble: str = ""


class Freshnesses:
    """Asks `watch` in a thread of its own.

    Args:
        url: Where it answers.
        declared: The warehouse: a table's way leads through all that is above it.
        tables: Those that are shown.
        watched: Whether anybody looks.
        changed: Called from the thread after every look.
    """

    def __init__(
        self,
        url: str,
        declared: Warehouse,
        tables: Iterable[TableName],
        *,
        watched: Callable[[], bool] = lambda: True,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.news = News({}, "it has not been asked yet")
        self._url = f"{url}/metrics"
        self._declared = declared
        self._tables = tuple(dict.fromkeys(tables))
        self._watched = watched
        self._changed = changed
        self._rounds = Rounds("freshness", self._round, _EVERY_SECONDS)

    def start(self) -> None:
        """Begin to ask."""
        self._rounds.start()

    def stop(self) -> None:
        """Ask no more."""
        self._rounds.stop()

    def wake(self) -> None:
        """Ask at once, if the last answer is old."""
        ages = [datetime.now(UTC) - measured.at for measured in self.news.tables.values()]
        if not ages or min(ages) > timedelta(seconds=_EVERY_SECONDS):
            self._rounds.wake()

    def look(self) -> None:
        """Ask once. A `watch` that does not answer is part of the news."""
        try:
            text = httpx.get(self._url, timeout=5).raise_for_status().text
            self.news = News({table: measured(text, self._way(table), table) for table in self._tables})
        except (httpx.HTTPError, ValueError) as error:
            self.news = replace(self.news, trouble=f"the process watch does not answer ({type(error).__name__})")
        self._changed()

    def _way(self, table: TableName) -> frozenset[TableName]:
        """The table and everything that it is made of."""
        reached = {table}
        for model in reversed(self._declared.models):
            if model.name in reached:
                reached.update(model.reads)
        return frozenset(reached)

    def _round(self) -> None:
        if self._watched():
            self.look()


def measured(text: str, way: frozenset[TableName], table: TableName) -> Measured:
    """What an exposition of `watch` says of a table whose data comes along `way`. Raises ValueError when it is none."""
    from prometheus_client.parser import text_string_to_metric_families

    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith(("headwater_lag_", "headwater_table_")):
                samples[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    hops: list[Hop] = []
    for (name, labels), seconds in samples.items():
        said = dict(labels)
        if name == "headwater_lag_seconds" and said["table"] in map(str, way):
            own = samples.get(("headwater_lag_own_seconds", labels), 0.0)
            waiting = samples.get(("headwater_lag_backlog", labels))
            ends = TableName.parse(said["table"]), TableName.parse(said["source"])
            spans = timedelta(seconds=seconds), timedelta(seconds=own)
            hops.append(Hop(HopKind(said["hop"]), *ends, *spans, None if waiting is None else int(waiting)))
    own_label = (("table", str(table)),)
    behind = samples.get(("headwater_table_behind_seconds", own_label))
    states = [
        State(dict(labels)["state"])
        for (name, labels), value in samples.items()
        if name == "headwater_table_state" and value and dict(labels)["table"] == str(table)
    ]
    span = None if behind is None else timedelta(seconds=behind)
    return Measured(datetime.now(UTC), tuple(hops), span, states[0] if states else State.UNKNOWN)


def in_words(
    found: Measured | None, promise: Freshness | None, up_to: datetime, looked_at: datetime, now: datetime
) -> str:
    """That the numbers are old, and where the time goes; "" while they are as fresh as promised.

    In whole minutes: a screen reader reads it out whenever it changes.

    Args:
        up_to: Until when the numbers are complete.
        looked_at: When the table was last asked for its snapshot: not while nobody looks.
    """
    age = now - up_to
    is_kept = promise is not None and age <= (promise.warn_after or promise.fail_after)
    if now - looked_at > _PAUSE:
        ago = wording.minutes(now - looked_at)
        old = f"Numbers are {wording.minutes(age)} old: the table was last read {ago} ago, and is being read again …"
        return "" if is_kept else old
    if found is not None and found.state in (State.LATE, State.STALE) and now - found.at < _OLD:
        oldest = max(age, found.behind or age)
        return f"Numbers are {wording.minutes(oldest)} old{_where(found, oldest)}."
    if promise is None or is_kept:
        return ""
    if found is None or now - found.at >= _OLD:
        return f"Numbers are {wording.minutes(age)} old; at which hop the time goes is not measured now."
    if found.state is State.QUIET:
        since = wording.minutes(age)
        return f"Nothing new has happened for {since}: the sources are quiet, and everything they have is here."
    if found.guilty is not None and found.guilty.waiting:
        # Records of earlier hours that have just been sent: they are old, and wait no longer than promised.
        catching_up = f"{found.guilty.waiting:,} wait at the hop {found.guilty.label}"
        return f"Numbers are {wording.minutes(age)} old: what has come lately is being caught up with; {catching_up}."
    return f"Numbers are {wording.minutes(age)} old, though nothing waits at any hop: the sources give nothing newer."


def _where(found: Measured, age: timedelta) -> str:
    """At which hop the time goes. What waits may have happened long before it was sent: then the hop has less of it."""
    if found.guilty is None:
        return ""
    if found.behind is None or found.behind * 2 >= age:
        return f": most of that at the hop {found.guilty.label}"
    return f"; what has come waits longest at the hop {found.guilty.label}"


def hop_in_words(hop: Hop) -> str:
    """A hop for people: `ods.orders → dwd.orders, read: 2 min 01 s of it, 2,989 waiting`."""
    waiting = "" if not hop.waiting else f", {hop.waiting:,} waiting"
    return f"{hop.label}: {wording.duration(hop.own)} of it{waiting}"
