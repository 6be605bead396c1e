"""The pages: what stands where, and what is shown anew when there are new numbers or another choice."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import Request
from nicegui import ui
from nicegui.client import Client

from headwater.dashboard.dashboard import Dashboard
from headwater.sofar import DAYS
from serving.dashboard import views
from serving.dashboard.audience import Viewer
from serving.dashboard.comparison import days_needed
from serving.dashboard.elements import Choices, Part, Top
from serving.dashboard.feed import Feed
from serving.dashboard.frame import Frame
from serving.dashboard.house import House
from serving.dashboard.selection import CHART_HOURS, Selection

BROWSER = Path(__file__).parent / "browser"

SQL_PATH = "/d/{name}/sql"
NAVIGATION: tuple[tuple[str, str], ...] = (
    ("Overview", "/d/{name}"),
    ("Why did it change?", "/d/{name}/why"),
    ("Freshness", "/d/{name}/freshness"),
    ("SQL", SQL_PATH),
)
"""The header's pages: label and address. A further page is a line here, and a function in serving.dashboard.site."""

_THEME_SCRIPT = """<script>
try { document.documentElement.dataset.theme = localStorage.getItem("headwater-theme") || "auto"; }
catch { document.documentElement.dataset.theme = "auto"; }
document.documentElement.lang = "en";
%s</script>"""
_ROTATION_SECONDS = (5, 3600)


class Page:
    """One open page of a dashboard.

    Args:
        house: What it shares with all others.
        dashboard: What it shows.
        request: Its address.
        path: Where in the navigation it is.
    """

    def __init__(self, house: House, dashboard: Dashboard, request: Request, path: str) -> None:
        self.house = house
        self.dashboard = dashboard
        self.path = path
        self.query = dict(request.query_params)
        self.user = request.scope.get("headwater.user", "")
        self.is_wall = self.query.get("screen") == "wall"
        self._codes = {market.code: market for market in house.declared.markets}
        self.selection = Selection.parse(
            request.query_params.multi_items(), dashboard, self._codes, datetime.now(UTC).date() + timedelta(days=1)
        )
        self._shown: list[Callable[[Frame], None]] = []
        self._choices: Choices | None = None
        self._has_chart = True
        self._viewer = Viewer(self.refresh)
        self._head()
        _own_landmarks(ui.context.client)
        self._top = Top(self._top_view(), self._viewer.seen)
        self._enlist(ui.context.client)

    @property
    def feed(self) -> Feed:
        """Where its numbers come from."""
        return self.house.feeds[self.dashboard.name]

    def add(self, part: Part, view: Callable[..., dict[str, Any]], *args: object) -> Part:
        """Show `view(frame, selection, *args)` in the part, now and with all new numbers.

        It is made once for all who look at the same, so the function must be one that all pages share.
        """

        def show(frame: Frame) -> None:
            selection = self.selection
            part.show(frame.kept((view, args, selection), lambda: view(frame, selection, *args)))

        return self.shown_by(part, show)

    def shown_by(self, part: Part, show: Callable[[Frame], None]) -> Part:
        """Have `show` called for the part now and with all new numbers."""
        self._shown.append(show)
        frame = self._frame()
        if frame is not None:
            show(frame)
        return part

    def add_choices(self, *, with_chart: bool = True) -> None:
        """The filters, where there is somebody to choose; without a chart there is nothing to say of its length."""
        self._has_chart = with_chart
        if not self.is_wall:
            self._choices = Choices(self._choices_view(self._frame()), self.choose, self.tick)

    def choose(self, name: str, value: str) -> None:
        """Somebody has chosen: show it, and have the address say it. Of a filter "" is everything."""
        self._select([*(pair for pair in self._query() if pair[0] != name), (name, value)])

    def tick(self, name: str, value: str, is_on: bool) -> None:
        """Somebody has ticked one of a filter's values, or taken the tick away."""
        others = [pair for pair in self._query() if pair != (name, value)]
        self._select([*others, (name, value)] if is_on else others)

    def _select(self, query: list[tuple[str, str]]) -> None:
        self.selection = Selection.parse(
            query, self.dashboard, self._codes, datetime.now(UTC).date() + timedelta(days=1)
        )
        self.feed.want(self.selection.against)
        ui.navigate.history.replace(self.path + self.selection.query(self.dashboard))
        self.refresh()

    def refresh(self) -> None:
        """Show the newest numbers."""
        self._top.show(self._top_view())
        frame = self._frame()
        if self._choices is not None:
            self._choices.show(self._choices_view(frame))
        if frame is not None:
            for show in self._shown:
                show(frame)

    def rotate(self) -> None:
        """Choose the next market, after the last one all of them."""
        codes = ["", *self._codes]
        following = codes[(codes.index(self.selection.market) + 1) % len(codes)]
        self.selection = self.selection.but(markets=(following,) if following else ())
        self.refresh()

    def href(self, path: str, selection: Selection) -> str:
        """The address of a page with this choice."""
        query = selection.query(self.dashboard)
        return path.format(name=self.dashboard.name) + (_with(query, "screen=wall") if self.is_wall else query)

    def _frame(self) -> Frame | None:
        """The newest frame, if it has the days of the choice; otherwise they are asked for."""
        self.feed.want(self.selection.against)
        frame = self.feed.state.frame
        return frame if frame is not None and self._has_days(frame) else None

    def _has_days(self, frame: Frame) -> bool:
        return frame.has(days_needed(frame.markets, frame.now, self.selection.against))

    @property
    def _place(self) -> str:
        """The chosen markets, for people."""
        return ", ".join(self._codes[code].name for code in self.selection.markets) or "all markets"

    def _enlist(self, client: Client) -> None:
        client.on_connect(self._arrive)
        client.on_disconnect(lambda: self.house.audience.leave(self._viewer))

    def _arrive(self) -> None:
        """The page is connected, for the first time or again: then it has missed what was new meanwhile."""
        self.house.audience.join(self._viewer)
        self._viewer.update()

    def _head(self) -> None:
        ui.add_head_html(_THEME_SCRIPT % ('document.documentElement.classList.add("wall");' if self.is_wall else ""))
        add_style()

    def _query(self) -> list[tuple[str, str]]:
        selection = self.selection
        return [
            *selection.filters(self.dashboard),
            ("measure", selection.measure),
            ("against", str(selection.against)),
            ("span", str(selection.hours)),
        ]

    def _top_view(self) -> dict[str, Any]:
        frame, words = self.feed.state.frame, self.house.stale_words(self.dashboard)
        if frame is not None and not self._has_days(frame):
            words = f"Reading {self.selection.against.words} … {words}"
        market = self._codes.get(self.selection.market)
        pages = [
            {
                "label": label,
                "href": self.href(path, self.selection),
                "current": path.format(name=self.dashboard.name) == self.path,
            }
            for label, path in NAVIGATION
            if path != SQL_PATH or self.house.room.askers.admit(self.user)
        ]
        view: dict[str, Any] = {
            "title": self.dashboard.title + (f" · {self._place}" if self.is_wall else ""),
            "pages": pages,
            "wall": self.is_wall,
            "wallHref": self.path + _with(self.selection.query(self.dashboard), "screen=wall"),
            "user": self.user,
            "words": words,
            "stale": bool(words),
            "zone": market.zone.key if market else "",
        }
        if frame is not None:
            up_to = frame.snapshot.watermark or frame.snapshot.committed_at
            view |= {
                "upTo": int(up_to.timestamp() * 1000),
                "snapshot": frame.snapshot.id,
                "table": str(self.dashboard.table),
            }
        return view

    def _choices_view(self, frame: Frame | None) -> dict[str, Any]:
        selection = self.selection
        markets = [[market.code, market.name] for market in self.house.declared.markets]
        fields: list[dict[str, Any]] = [_ticks("market", "Market", selection.markets, markets)]
        found = (
            frame.kept("options", lambda: views.options(frame))
            if frame is not None
            else [[] for _ in self.dashboard.dimensions]
        )
        for place, dimension in enumerate(self.dashboard.dimensions):
            chosen = selection.values[place]
            known = dict.fromkeys([*found[place], *chosen])
            fields.append(_ticks(dimension.column, dimension.label, chosen, [[value, value] for value in known]))
        measures = [[measure.name, measure.label] for measure in self.dashboard.measures]
        fields.append(_field("measure", "Measure", selection.measure, measures))
        against = str(selection.against)
        days = [["1d", "Yesterday"], ["7d", "Same weekday last week"]]
        days += [] if against in ("1d", "7d") else [[against, selection.against.words.capitalize()]]
        fields.append(_field("against", "Compared with", against, days))
        today = datetime.now(UTC).date()
        fields.append(
            {
                "name": "against",
                "label": "or any day",
                "date": True,
                "value": selection.against.day.isoformat() if selection.against.day else "",
                "min": (today - timedelta(days=DAYS)).isoformat(),
                "max": today.isoformat(),
            }
        )
        hours = [[str(hour), f"Last {hour} hours" if hour > 1 else "Last hour"] for hour in CHART_HOURS]
        if self._has_chart:
            fields.append(_field("span", "Chart", str(selection.hours), hours))
        for number, field in enumerate(fields):
            field["key"] = number
        return {"fields": fields}


def _field(name: str, label: str, value: str, options: list[list[str]]) -> dict[str, Any]:
    return {"name": name, "label": label, "value": value, "options": options}


def _ticks(name: str, label: str, chosen: tuple[str, ...], options: list[list[str]]) -> dict[str, Any]:
    """A filter of several values, and in words which are chosen."""
    names = [text for value, text in options if value in chosen]
    said = ", ".join(names) if len(names) < 3 else f"{len(names)} of {len(options)}"
    return {"name": name, "label": label, "chosen": list(chosen), "options": options, "said": said or "All"}


def add_style() -> None:
    """The pages' style sheet."""
    version = int((BROWSER / "page.css").stat().st_mtime)
    ui.add_head_html(f'<link rel="stylesheet" href="/assets/page.css?{version}">')


def _own_landmarks(client: Client) -> None:
    """NiceGUI's page is one `main` around everything; these pages have a banner and a `main` of their own."""
    slot = client.content.parent_slot
    if slot is not None:
        slot.parent.props("role=none")


def _with(query: str, more: str) -> str:
    return f"{query}&{more}" if query else f"?{more}"
