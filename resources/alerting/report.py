"""Alerts as JSON: for `headwater alerts --json`, and for whoever asks over HTTP."""

from datetime import datetime
from typing import Any

from headwater.alerts.text import as_json
from resources.alerting.book import Book


def report(book: Book, now: datetime) -> dict[str, Any]:
    """{as_of, incidents, silences, unsent}. Times are ISO-8601; `as_of` is null before the first look.

    Destinations are named by scheme and host; no address is in it.
    """
    looked_at = book.looked_at()
    return {
        "as_of": looked_at.isoformat() if looked_at else None,
        "incidents": [as_json(each) for each in book.incidents() if each.opened_at or each.muted],
        "silences": [
            {"id": each.id, "pattern": each.pattern, "until": each.until.isoformat(), "reason": each.reason}
            for each in book.silences(now)
        ],
        "unsent": [
            {
                "destination": each.name,
                "incident": each.message.incident,
                "change": each.message.change,
                "written_at": each.written_at.isoformat(),
                "attempts": each.attempts,
                "next_attempt_at": each.due_at.isoformat(),
                "error": each.error or None,
            }
            for each in book.unsent()
        ],
    }
