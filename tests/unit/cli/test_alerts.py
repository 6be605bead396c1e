"""`headwater alerts`, on a book that a test has written."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import cli
from headwater.stack import Stack
from resources.alerting.alerting import Alerting
from resources.alerting.book import Book
from tests.conftest import PROJECT
from tests.unit.alerting.pictures import Inboxes, lag, picture
from tests.unit.compile.declared import THINGS

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEADWATER_WAREHOUSE", str(tmp_path / "warehouse"))
    monkeypatch.delenv("HEADWATER_NOTIFY", raising=False)
    shutil.copytree(PROJECT / "warehouse", tmp_path / "warehouse")
    return lambda *arguments: CliRunner().invoke(cli, ["alerts", *arguments])


@pytest.fixture
def late(run: Run) -> Iterator[Inboxes]:
    """A table has been late for a minute, and `json://down` takes nothing."""
    inboxes = Inboxes()
    inboxes["json://down"].refuses = "connection refused"
    alerting = Alerting(Stack.resolve(), {"HEADWATER_NOTIFY": "json://down/T0KEN"}, inboxes)
    for seconds in range(0, 60, 10):
        alerting.look(picture(lags=(lag(THINGS, 300),), seconds=seconds))
    yield inboxes
    alerting.stop()


def test_with_nothing_wrong_it_is_0(run: Run):
    result = run()
    assert result.exit_code == 0
    assert "Nothing has been looked at yet." in result.output
    assert "Nobody looks at the stack at the moment" in result.stderr


def test_what_is_wrong_is_shown_with_what_to_do_and_the_status_is_1(run: Run, late: Inboxes):
    result = run()
    assert result.exit_code == 1
    assert "✗ dwd.things is stale" in result.stdout
    assert "hop:       ods.left → dwd.things, read" in result.stdout
    assert "next:      headwater status" in result.stdout
    assert "json://down" in result.stdout
    assert "T0KEN" not in result.output


def test_json_has_incidents_silences_and_what_was_not_taken(run: Run, late: Inboxes):
    said = json.loads(run("--json").stdout)
    assert [each["cause"] for each in said["incidents"]] == ["table:dwd.things"]
    assert {each["destination"] for each in said["unsent"]} <= {"json://down", "log"}
    assert said["silences"] == []


def test_history_has_every_change(run: Run, late: Inboxes):
    (told,) = json.loads(run("--history", "--json").stdout)["history"]
    assert (told["change"], told["incident"]["owner"]) == ("opened", "things-team")
    assert "opened" in run("--history").stdout


def test_a_silence_is_made_shown_and_ended(run: Run):
    made = run("silence", "dwd.*", "--for", "2h", "--reason", "moving house")
    assert made.exit_code == 0
    (silence,) = json.loads(run("--json").stdout)["silences"]
    assert (silence["pattern"], silence["reason"]) == ("dwd.*", "moving house")
    assert silence["id"] in made.stdout
    assert "moving house" in run().stdout
    assert run("unsilence", silence["id"]).exit_code == 0
    assert run("unsilence", silence["id"]).exit_code == 1
    assert Book.of(Stack.resolve()).incidents() == ()


def test_a_silence_needs_a_duration_and_a_reason(run: Run):
    assert run("silence", "dwd.*", "--for", "soon", "--reason", "x").exit_code == 2
    assert run("silence", "dwd.*", "--for", "2h").exit_code == 2


def test_a_test_message_without_any_address_says_so(run: Run):
    result = run("test")
    assert result.exit_code == 1
    assert "HEADWATER_NOTIFY)  the environment variable is not set" in result.stdout


def test_a_test_message_says_of_each_destination_what_came_of_it(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HEADWATER_NOTIFY", "nosuch://secret/T0KEN")
    result = run("test", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "destinations": [
            {
                "name": "nosuch://…",
                "from": "HEADWATER_NOTIFY",
                "taken": False,
                "error": "this is no address that apprise knows",
            }
        ]
    }
