"""What the SQL page is made of."""

from typing import Any

from headwater.dashboard.dashboard import Dashboard
from serving.analysis.question import Limits
from serving.dashboard.elements import Sql, Words
from serving.dashboard.pages import Page
from serving.dashboard.sql.room import ADDRESS, Room


def fill(page: Page) -> None:
    """The question and its answer; for who may not ask, why not."""
    room = page.house.room
    if not room.askers.admit(page.user):
        Words({"heading": "SQL", "sentences": [_refusal(room)]})
        return
    Words({"heading": "Ask in SQL", "sentences": [_ABOUT]})
    Sql(view(page.dashboard, room.limits))


def view(dashboard: Dashboard, limits: Limits) -> dict[str, Any]:
    """What the browser is told at the beginning."""
    return {
        "example": example(dashboard),
        "limits": _in_words(limits),
        "answers": f"{ADDRESS}/answers",
        "tables": f"{ADDRESS}/tables",
    }


def example(dashboard: Dashboard) -> str:
    """A question over the dashboard's own table, to begin with: its first measure by market, today so far."""
    measure = dashboard.measures[0]
    column, market, minute = measure.column, f"k.{dashboard.market}", f"k.{dashboard.minute}"
    return (
        f"SELECT {market}, sum(k.{column}) AS {column}\n"
        f"FROM calendar.so_far AS s JOIN {dashboard.table} AS k\n"
        f"  ON {market} = s.market\n"
        f"  AND {minute} >= s.starts_at AND {minute} < s.until\n"
        f"WHERE s.days_ago = 0\n"
        f"GROUP BY {market}\n"
        f"ORDER BY {column} DESC"
    )


def _in_words(limits: Limits) -> str:
    return (
        f"At most {limits.seconds:g} s, {limits.rows:,} rows and {limits.memory} of memory; "
        "it reads tables of the lake, no file and no network. Each question is noted with who asked."
    )


def _refusal(room: Room) -> str:
    if room.askers.is_nobody:
        return f"This page is off: {room.askers.advice}."
    return f"You may not ask here: {room.askers.advice}."


_ABOUT = "Every table is read at one snapshot, which the answer names: headwater query --at gives the same."
