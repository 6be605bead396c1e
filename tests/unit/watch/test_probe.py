"""The dead man's switch: what is dead, and not just for a moment, is told of once."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from click.testing import CliRunner

from cli import doctor
from headwater.trouble import Trouble
from resources.watch import probe
from resources.watch.probe import Change, ask, changes

KAFKA = Trouble("kafka", "is FATAL", "headwater logs kafka")
SENSOR = Trouble("sensor snapshots", "fails: boom", "headwater logs dagster-code")
START = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOLD = timedelta(seconds=30)


def told(*rounds: Sequence[Trouble], hold: timedelta = HOLD) -> list[tuple[int, str, bool]]:
    """In which of these rounds, ten seconds apart, what was told."""
    number = 0

    def wait() -> None:
        nonlocal number
        number += 1

    found: list[tuple[int, str, bool]] = []
    stream = changes(lambda: tuple(rounds[number]), wait, hold, clock=lambda: START + timedelta(seconds=10 * number))
    ends = 0
    for change in stream:
        if change is None:
            ends += 1
            if ends == len(rounds):
                return found
        else:
            found.append((number, change.trouble.subject, change.over))
    return found


def test_a_process_that_comes_back_within_the_time_is_not_dead() -> None:
    assert told([KAFKA], [KAFKA], [KAFKA], [], [KAFKA], []) == []


def test_what_stays_dead_is_told_of_once_and_so_is_its_recovery() -> None:
    rounds = [[KAFKA]] * 6 + [[]] * 3
    assert told(*rounds) == [(3, "kafka", False), (6, "kafka", True)]


def test_a_second_death_is_told_of_for_itself() -> None:
    rounds = [[KAFKA]] * 4 + [[KAFKA, SENSOR]] * 4
    assert told(*rounds) == [(3, "kafka", False), (7, "sensor snapshots", False)]


def test_nobody_answering_is_a_death() -> None:
    (trouble,) = ask("http://127.0.0.1:9")
    assert trouble.subject == "watch"
    assert trouble.what.startswith("does not answer at http://127.0.0.1:9: ")


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka is dead, whenever one asks."""
    monkeypatch.setattr(probe, "ask", lambda _url: (KAFKA,))


@pytest.mark.usefixtures("dead")
def test_the_command_ends_with_1_and_says_what_died_and_what_to_do() -> None:
    done = CliRunner().invoke(doctor.command, ["--watch", "--hold", "0", "--url", "http://x"])
    assert done.exit_code == 1
    assert "✗ kafka is FATAL\n    next:  headwater logs kafka" in done.output


@pytest.mark.usefixtures("dead")
def test_a_death_is_a_line_of_json_for_programs() -> None:
    done = CliRunner().invoke(doctor.command, ["--watch", "--json", "--hold", "0", "--url", "http://x"])
    assert '"dead": true, "subject": "kafka", "what": "is FATAL", "next": "headwater logs kafka"' in done.output


def test_it_goes_on_when_it_is_told_to_and_ends_with_0_when_it_is_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    def found() -> Iterator[Change | None]:
        yield Change(START, KAFKA, over=False)
        yield None
        yield Change(START, KAFKA, over=True)
        yield None
        raise KeyboardInterrupt

    assert doctor.tell(islice(found(), 9), as_json=False, keep_on=True) == 0
    assert "kafka is well again" in capsys.readouterr().out
