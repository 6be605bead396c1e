"""The command line, and what it says when it cannot go on."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from headwater.problem import HeadwaterError
from simulator.command import command
from simulator.markets import read_markets, trades
from simulator.sink import ensure_topics

MARKETS = "markets:\n  hk: {name: Hong Kong, zone: Asia/Hong_Kong, currency: HKD}\n  xx: {name: Elsewhere, zone: UTC}\n"


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    (tmp_path / "markets.yaml").write_text(MARKETS)
    return tmp_path


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("words", [[], ["live"], ["replay"]])
def test_help_teaches_with_an_example(words: list[str]) -> None:
    shown = CliRunner().invoke(command, [*words, "--help"])
    assert shown.exit_code == 0
    assert ("headwater simulate " + words[0] if words else "ods.driver_status") in shown.output


def test_the_headwater_command_has_it() -> None:
    from cli.main import cli

    shown = CliRunner().invoke(cli, ["simulate", "replay", "--help"])
    assert shown.exit_code == 0
    assert "--truth" in shown.output


def test_a_start_that_is_no_instant_is_wrong_use() -> None:
    shown = CliRunner().invoke(command, ["replay", "--start", "yesterday"])
    assert shown.exit_code == 2
    assert "«yesterday» is not an ISO-8601 instant" in shown.output


def test_without_markets_it_names_the_file_and_the_option(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError) as raised:
        read_markets(tmp_path)
    assert str(tmp_path / "markets.yaml") in raised.value.failed
    assert "--warehouse" in raised.value.next_command


@pytest.mark.parametrize(
    "text",
    [
        "markets: [",
        "countries: {}",
        "markets: {hk: {name: Hong Kong}}",
        "markets: {hk: {name: H, zone: Nowhere/At_All}}",
    ],
)
def test_markets_that_cannot_be_read_lead_to_validate(tmp_path: Path, text: str) -> None:
    (tmp_path / "markets.yaml").write_text(text)
    with pytest.raises(HeadwaterError) as raised:
        read_markets(tmp_path)
    assert raised.value.next_command == "headwater validate"


def test_a_market_that_nobody_described_still_trades(warehouse: Path) -> None:
    known, unknown = trades(read_markets(warehouse))
    assert known.cities[0] == "Hong Kong Island"
    assert unknown.cities == ("Elsewhere",)
    assert unknown.usual_fare > 0


def test_no_broker_is_unreachable_and_says_where_it_looked(closed_port: int) -> None:
    with pytest.raises(HeadwaterError) as raised:
        ensure_topics(f"127.0.0.1:{closed_port}", seconds=0.2)
    assert raised.value.unreachable
    assert f"127.0.0.1:{closed_port}" in raised.value.failed


def test_as_a_module_it_exits_with_a_message_and_no_trace(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "simulator", "replay", "--warehouse", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HEADWATER_HOME": str(tmp_path / "home")},
    )
    assert done.returncode == 1
    assert "markets.yaml does not exist" in done.stderr
    assert "Traceback" not in done.stderr
