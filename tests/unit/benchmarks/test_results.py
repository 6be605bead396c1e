"""Keeping results, the page made of them, and the command around it all."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import suite
from benchmarks.figure import Figure, Goal
from benchmarks.render import page, write
from benchmarks.results import read, record
from benchmarks.stand import Tell
from cli.bench import command
from headwater.problem import HeadwaterError

GOOD = Figure("B2", "apply of a new job", "s", (1.0, 1.2, 1.1), (1.0, 1.0, 1.0), Goal(1.15), "what it means")
BAD = Figure("B9", "load 1,000 models", "s", (2.0,), (1.0,), Goal(1.5), "")
ALONE = Figure("up", "later up", "s", (41.0,), (), Goal(60), "after down")


def test_a_result_says_what_was_measured_where_and_with_what(tmp_path: Path) -> None:
    record("B2", [GOOD], tmp_path)
    (result,) = read(tmp_path)
    assert (result.benchmark, result.figures) == ("B2", (GOOD,))
    assert result.machine["cores"] >= 1
    assert result.machine["memory_gib"] > 0
    assert result.versions["paimon"] == "2.0.0"
    assert {"apache-flink", "dagster", "kafka"} <= result.versions.keys()
    assert result.measured_at.endswith("Z")


def test_a_result_names_neither_host_nor_user_nor_path(tmp_path: Path) -> None:
    import getpass
    import socket

    text = record("B2", [GOOD], tmp_path).read_text()
    assert socket.gethostname() not in text
    assert f'"{getpass.getuser()}"' not in text
    assert str(Path.cwd()) not in text


def test_a_file_that_is_no_result_is_named(tmp_path: Path) -> None:
    (tmp_path / "B1.json").write_text('{"benchmark": "B1"}')
    with pytest.raises(HeadwaterError, match=r"B1\.json is no result") as caught:
        read(tmp_path)
    assert caught.value.next_command.startswith("headwater bench B1 --record")


def test_the_page_has_ratios_goals_spreads_and_where_they_come_from(tmp_path: Path) -> None:
    record("B2", [GOOD], tmp_path)
    record("B9", [BAD], tmp_path)
    record("up", [ALONE], tmp_path)
    text = page(read(tmp_path))
    assert "| B2 | apply of a new job | 1.100 | ≤ 1.15 | yes |" in text
    assert "| B9 | load 1,000 models | 2.000 | ≤ 1.5 | **no** |" in text
    assert "| up | later up | – | ≤ 60 s | yes |" in text
    assert "| apply of a new job | s | 1.00–1.10–1.20 | 1.00–1.00–1.00 | 1.100 | 3 |" in text
    assert "- apply of a new job: what it means." in text
    assert "Python 3.11" in text


def test_a_benchmark_without_a_result_is_not_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "docs" / "page.md", tmp_path / "nothing")
    section = (tmp_path / "docs" / "page.md").read_text().partition("## B1\n")[2].partition("## B2")[0]
    assert "Not measured yet." in section


def test_benchmarks_are_chosen_by_name_whatever_the_case_in_the_suites_order() -> None:
    assert [each.id for each in suite.chosen(["up", "b2"])] == ["B2", "up"]
    assert suite.chosen([]) == suite.SUITE


def test_an_unknown_benchmark_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(HeadwaterError, match=r"no benchmark ups; did you mean up\?") as caught:
        suite.chosen(["ups"])
    assert caught.value.next_command == "headwater bench --list"


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """What a run gives instead of measuring; a test fills it."""
    figures: list[Figure] = []

    def run(benchmarks: tuple[suite.Benchmark, ...], rounds: int, tell: Tell, *, on_running_stack: bool):
        tell(f"{rounds} rounds")
        yield benchmarks[0], figures

    monkeypatch.setattr(suite, "run", run)
    return figures


def test_json_stands_alone_on_stdout_and_progress_goes_to_stderr(measured: list[Figure]) -> None:
    measured.append(GOOD)
    outcome = CliRunner().invoke(command, ["--json", "--rounds", "3"])
    (said,) = json.loads(outcome.stdout)
    assert said["id"] == "B2"
    assert said["met"] is True
    assert "3 rounds" in outcome.stderr
    assert outcome.exit_code == 0


def test_a_goal_that_is_not_met_ends_with_status_one(measured: list[Figure]) -> None:
    measured += [GOOD, BAD]
    assert CliRunner().invoke(command, ["--json"]).exit_code == 1


def test_the_table_shows_spread_ratio_and_goal(measured: list[Figure]) -> None:
    measured.append(GOOD)
    outcome = CliRunner(env={"COLUMNS": "160"}).invoke(command, [])
    line = next(line for line in outcome.stdout.splitlines() if line.startswith("B2"))
    assert " ".join(line.split()) == "B2 apply of a new job s 1.00–1.10–1.20 1.00–1.00–1.00 1.100 ≤ 1.15 yes"
    assert "what it means" in outcome.stdout


def test_the_list_measures_nothing(measured: list[Figure]) -> None:
    outcome = CliRunner(env={"COLUMNS": "200"}).invoke(command, ["--list"])
    assert outcome.exit_code == 0
    assert [line.split()[0] for line in outcome.stdout.splitlines()[1:]] == [each.id for each in suite.SUITE]
    assert outcome.stderr == ""
