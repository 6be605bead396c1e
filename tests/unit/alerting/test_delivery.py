"""From pictures to messages that arrive: through the book, across restarts, to each destination for itself."""

import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from headwater.alerts.policy import Policy, Route
from headwater.model import TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Ports, Stack
from resources.alerting.addresses import Destination
from resources.alerting.alerting import Alerting
from resources.alerting.book import Book, Message, tell
from resources.alerting.courier import Courier
from resources.alerting.planned import planned
from tests.integration.waiting import eventually
from tests.unit.alerting.pictures import DECLARED, NOW, Inbox, Inboxes, failing, lag, picture
from tests.unit.compile.declared import COUNTS, THINGS

ENVIRONMENT = {"HEADWATER_NOTIFY": "json://user:secret@one.example.com/T0KEN json://two.example.com/y"}
ONE, TWO = "json://one.example.com", "json://two.example.com"
LATE = (lag(THINGS, 300), lag(COUNTS))


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path / "home", tmp_path / "warehouse", Ports())


@pytest.fixture
def inboxes() -> Inboxes:
    return Inboxes()


@pytest.fixture
def alerting(stack: Stack, inboxes: Inboxes) -> Iterator[Alerting]:
    made = Alerting(stack, ENVIRONMENT, inboxes)
    yield made
    made.stop()


def look(alerting: Alerting, begin: float, end: float, **what: object) -> None:
    """Look each ten seconds and see this."""
    for seconds in range(round(begin), round(end), 10):
        alerting.look(picture(seconds=seconds, **what))  # type: ignore[arg-type]


def arrived(inbox: Inbox, *changes: str) -> None:
    eventually(lambda: inbox.changes == list(changes), lambda: f"{changes}, got {inbox.changes}", seconds=30)


def test_a_late_table_is_one_message_to_each_destination_and_another_one_when_it_is_over(
    alerting: Alerting, inboxes: Inboxes
):
    look(alerting, 0, 120, lags=LATE)
    for name in (ONE, TWO, "log"):
        arrived(inboxes[name], "opened")
    (message,) = inboxes[ONE].taken
    assert message.title == "error: dwd.things is stale: its sources have data for 5 min 00 s that it lacks"
    assert message.body.splitlines()[1:] == [
        "promise:  at most 2 min 00 s behind, warned of beyond 30 s",
        "reality:  5 min 00 s behind",
        "hop:      ods.left → dwd.things, read: 5 min 00 s of it, 5,300 waiting",
        "since:    2026-11-22 11:57:00 UTC (3 min 20 s)",
        "owner:    things-team",
        "affects:  dm.counts",
        "look at:  http://127.0.0.1:3000/assets/dwd/things",
        "next:     headwater status says how the job is, headwater logs jobmanager why",
        f"incident: {message.incident}",
        "as of:    2026-11-22 12:00:20 UTC",
    ]
    assert message.content["hop"].startswith("ods.left → dwd.things, read")
    look(alerting, 120, 200)
    for name in (ONE, TWO, "log"):
        arrived(inboxes[name], "opened", "resolved")
    over = inboxes[ONE].taken[1]
    assert (over.content["state"], over.incident) == ("over", message.incident)
    assert over.title.startswith("over: dwd.things is stale")


def test_a_process_that_is_started_again_in_the_middle_goes_on(stack: Stack, inboxes: Inboxes):
    first = Alerting(stack, ENVIRONMENT, inboxes)
    look(first, 0, 20, lags=LATE)
    first.stop()
    second = Alerting(stack, ENVIRONMENT, inboxes)
    look(second, 20, 60, lags=LATE)
    arrived(inboxes[ONE], "opened")
    second.stop()
    third = Alerting(stack, ENVIRONMENT, inboxes)
    look(third, 60, 120, lags=LATE)
    look(third, 120, 200)
    arrived(inboxes[ONE], "opened", "resolved")
    third.stop()


def test_what_a_killed_process_has_written_and_not_sent_is_sent_by_the_next_one(stack: Stack, inboxes: Inboxes):
    inboxes[ONE].refuses = "down"
    first = Alerting(stack, ENVIRONMENT, inboxes)
    look(first, 0, 40, lags=LATE)
    arrived(inboxes[TWO], "opened")
    first.stop()
    eventually(lambda: inboxes[ONE].tried > 0, "the first try")
    inboxes[ONE].refuses = ""
    _make_due(stack)
    second = Alerting(stack, ENVIRONMENT, inboxes)
    look(second, 40, 50, lags=LATE)
    arrived(inboxes[ONE], "opened")
    assert inboxes[TWO].changes == ["opened"]
    second.stop()


def test_a_message_that_is_under_way_when_the_process_ends_is_not_sent_again(stack: Stack, inboxes: Inboxes):
    inboxes[ONE].pause = 0.5
    first = Alerting(stack, ENVIRONMENT, inboxes)
    look(first, 0, 40, lags=LATE)
    arrived(inboxes[ONE], "opened")
    first.stop()
    _make_due(stack)
    second = Alerting(stack, ENVIRONMENT, inboxes)
    look(second, 40, 120, lags=LATE)
    look(second, 120, 200)
    arrived(inboxes[ONE], "opened", "resolved")
    second.stop()


def test_a_destination_whose_secret_was_changed_gets_what_the_old_one_did_not_take(stack: Stack, inboxes: Inboxes):
    inboxes[ONE].refuses = "401"
    first = Alerting(stack, ENVIRONMENT, inboxes)
    look(first, 0, 40, lags=LATE)
    eventually(lambda: inboxes[ONE].tried > 0, "the first try")
    first.stop()
    inboxes[ONE].refuses = ""
    _make_due(stack)
    second = Alerting(stack, {"HEADWATER_NOTIFY": "json://user:new@one.example.com/OTHER"}, inboxes)
    look(second, 40, 50, lags=LATE)
    arrived(inboxes[ONE], "opened")
    second.stop()


def test_no_secret_is_in_the_book_or_in_json(stack: Stack, alerting: Alerting, inboxes: Inboxes):
    inboxes[ONE].refuses = "down"
    look(alerting, 0, 60, lags=LATE)
    eventually(lambda: bool(alerting.as_json()["unsent"][0]["error"]), "a refusal")
    assert alerting.as_json()["unsent"][0]["destination"] == ONE
    written = b"".join(file.read_bytes() for file in (stack.home / "alerts").iterdir())
    for secret in (b"secret", b"T0KEN"):
        assert secret not in written
        assert secret.decode() not in json.dumps(alerting.as_json())


def test_each_owner_hears_of_the_beginning_and_of_the_end_also_when_two_alerts_become_one(
    stack: Stack, inboxes: Inboxes
):
    routes = (Route("THINGS", "things-team"), Route("COUNTS", "counts-team"))
    others = tuple(replace(THINGS, name=TableName.parse(f"dwd.other{number}")) for number in range(4))
    models = (*(replace(m, owner="counts-team") if m.name == COUNTS.name else m for m in DECLARED.models), *others)
    declared = Warehouse(DECLARED.root, models, alerts=Policy(routes=routes))
    environment = {"THINGS": "json://things", "COUNTS": "json://counts", "HEADWATER_NOTIFY": "json://default"}
    alerting = Alerting(stack, environment, inboxes)

    def see(begin: float, end: float, **what: object) -> None:
        for seconds in range(round(begin), round(end), 10):
            alerting.look(replace(picture(seconds=seconds, **what), warehouse=declared))  # type: ignore[arg-type]

    both = (lag(THINGS, 300), lag(COUNTS, 300))
    see(0, 60, lags=both)
    arrived(inboxes["json://things"], "opened")
    arrived(inboxes["json://counts"], "opened")
    see(60, 120, lags=both, down="kafka")
    see(120, 200)
    for name in ("json://things", "json://counts"):
        arrived(inboxes[name], "opened", "updated", "resolved")
    # Nobody's route takes a broker.
    arrived(inboxes["json://default"], "updated", "resolved")
    (first,) = {message.incident for message in inboxes["json://things"].taken}
    assert {message.incident for message in inboxes["json://counts"].taken[1:]} == {first}
    assert inboxes["json://counts"].taken[1].content["includes"] == [inboxes["json://counts"].taken[0].incident]
    alerting.stop()


def test_a_silence_asked_for_by_hand_holds(stack: Stack, alerting: Alerting, inboxes: Inboxes):
    silence = Book.of(stack).add_silence("dwd.*", NOW + timedelta(minutes=30), "moving house")
    look(alerting, 0, 120, lags=LATE)
    (incident,) = alerting.as_json()["incidents"]
    assert (incident["silenced"], incident["state"]) == ("moving house", "watched")
    assert [each.silenced for each in alerting.open()] == [True]
    assert Book.of(stack).end_silence(silence.id)
    look(alerting, 120, 160, lags=LATE)
    arrived(inboxes[ONE], "opened")


def test_a_stack_that_is_being_stopped_is_told_of_to_nobody(stack: Stack, alerting: Alerting):
    run = stack.home / "run"
    run.mkdir(parents=True)
    (run / "changing.pid").write_text(f"{os.getpid()}\n")
    look(alerting, 0, 300, down="kafka", jobs=(failing(),), lags=LATE)
    assert [each.silenced for each in alerting.open()] == [True]
    assert Book.of(stack).history(10) == []


def test_an_apply_silences_what_it_stops_and_what_is_downstream_and_nothing_else(stack: Stack):
    holder = stack.home / "run" / "apply.holder"
    holder.parent.mkdir(parents=True)

    def patterns(doing: str, *, pid: int = os.getpid(), since: datetime = NOW) -> set[str]:
        holder.write_text(json.dumps({"pid": pid, "since": since.isoformat(), "doing": doing}))
        return {silence.pattern.partition(":")[2] for silence in planned(stack, DECLARED, NOW)}

    assert patterns("applying dm.counts") == {"dm.counts"}
    assert patterns("scaling dwd.things") == {"dwd.things", "dm.counts"}
    assert patterns("applying all jobs") == {"*"}
    assert patterns("starting jobs that have failed") == set()
    assert patterns("applying all jobs", pid=2**22 + 1) == set()
    assert patterns("applying all jobs", since=NOW - timedelta(hours=1)) == set()
    holder.unlink()
    assert planned(stack, DECLARED, NOW) == ()


def test_what_an_apply_stopped_has_a_minute_to_catch_up(stack: Stack, alerting: Alerting):
    holder = stack.home / "run" / "apply.holder"
    holder.parent.mkdir(parents=True)
    holder.write_text(json.dumps({"pid": os.getpid(), "since": NOW.isoformat(), "doing": "applying all jobs"}))
    look(alerting, 0, 100, lags=LATE)
    holder.unlink()
    look(alerting, 100, 150, lags=LATE)
    assert Book.of(stack).history(10) == []
    look(alerting, 150, 200, lags=LATE)
    assert [each["change"] for each in Book.of(stack).history(10)] == ["opened"]


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


def test_a_destination_that_is_down_for_hours_loses_nothing_and_keeps_no_other_waiting(stack: Stack):
    book, clock = Book.of(stack), Clock()
    destinations = [Destination("1", ONE), Destination("2", TWO)]
    down, up = Inbox("connection refused"), Inbox()
    couriers = [Courier(book, destinations[0], down, clock), Courier(book, destinations[1], up, clock)]
    changes = ["opened", *["repeated"] * 3, "resolved"]
    for change in changes:
        with book.writing() as page:
            tell(page, Message("i1", change, change, "…", "error", {}), destinations, clock.now)
        for _ in range(12):
            clock.now += timedelta(minutes=5)
            for courier in couriers:
                courier.deliver()
    assert up.changes == changes
    assert down.taken == []
    assert 40 < down.tried <= 60
    down.refuses = ""
    clock.now += timedelta(minutes=5)
    couriers[0].deliver()
    # It hears of what happened once, in order; that it went on meanwhile is no news any more.
    assert down.changes == ["opened", "resolved"]
    assert book.unsent() == ()


def test_pauses_between_tries_grow_to_five_minutes(stack: Stack):
    book, clock, down = Book.of(stack), Clock(), Inbox("no")
    destination = Destination("1", ONE)
    courier = Courier(book, destination, down, clock)
    with book.writing() as page:
        tell(page, Message("i1", "opened", "t", "b", "error", {}), [destination], clock.now)
    pauses = []
    for _ in range(9):
        wait = courier.deliver()
        assert wait is not None
        pauses.append(wait.total_seconds())
        clock.now += wait
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_message_is_sent_again_when_its_being_taken_could_not_be_noted(stack: Stack):
    class Dies(Inbox):
        def send(self, message: Message) -> str:
            super().send(message)
            raise KeyboardInterrupt

    book, destination = Book.of(stack), Destination("1", ONE)
    with book.writing() as page:
        tell(page, Message("i1", "opened", "t", "b", "error", {}), [destination], NOW)
    dying, living = Dies(), Inbox()
    with pytest.raises(KeyboardInterrupt):
        Courier(book, destination, dying, Clock()).deliver()
    Courier(book, destination, living, Clock()).deliver()
    assert dying.changes + living.changes == ["opened", "opened"]


def test_a_book_that_cannot_be_read_says_so(stack: Stack):
    file = stack.home / "alerts" / "book.db"
    file.parent.mkdir(parents=True)
    file.write_text("this is no book " * 100)
    with pytest.raises(
        HeadwaterError, match=r"The book of alerts, .*/book\.db, cannot be used: file is not a database"
    ):
        Book.of(stack)


def _make_due(stack: Stack) -> None:
    with sqlite3.connect(stack.home / "alerts" / "book.db") as page:
        page.execute("UPDATE outbox SET due_at = '2000-01-01T00:00:00+00:00'")
