"""`headwater key`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.key import command

WAREHOUSE = Path(__file__).parents[3] / "warehouse"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))
    monkeypatch.setenv("HEADWATER_WAREHOUSE", str(WAREHOUSE))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def test_a_key_is_shown_once_and_listed_without_it(home: Path) -> None:
    made = json.loads(run("create", "pricing", "--product", "kpi", "--market", "sg", "--json").stdout)
    listed = json.loads(run("list", "--json").stdout)["keys"]
    assert [(key["id"], key["name"], key["products"], key["markets"]) for key in listed] == [
        (made["id"], "pricing", ["kpi"], ["sg"])
    ]
    assert made["key"].startswith(f"hw_{made['id']}_")
    secret = made["key"].split("_", 2)[2]
    shown = run("list").output
    assert "pricing" in shown
    assert secret not in shown + run("list", "--json").output + (home / "serving" / "keys.json").read_text()


def test_only_the_key_is_printed_where_a_program_reads() -> None:
    made = run("create", "pricing", "--expires", "90d")
    assert made.stdout.count("\n") == 1
    assert made.stdout.startswith("hw_")


def test_a_revoked_key_is_gone(home: Path) -> None:
    id_ = json.loads(run("create", "pricing", "--json").stdout)["id"]
    assert "is refused from now on" in run("revoke", id_).output
    assert json.loads(run("list", "--json").stdout) == {"keys": []}
    assert "There is no API key" in str(run("revoke", id_).exception)


@pytest.mark.parametrize("scope", [("--product", "kpis"), ("--market", "xx"), ("--expires", "soon"), ("--rate", "0")])
def test_a_scope_that_is_not_declared_is_refused(scope: tuple[str, str]) -> None:
    refused = run("create", "pricing", *scope)
    assert refused.exit_code == 2
    assert json.loads(run("list", "--json").stdout) == {"keys": []}
