"""The exit status that a shell sees."""

import sys
from pathlib import Path

import pytest

from cli.main import main
from tests.conftest import PROJECT


def status(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["headwater", *arguments])
    with pytest.raises(SystemExit) as exited:
        main()
    return exited.value.code


def test_fine_is_0(monkeypatch: pytest.MonkeyPatch) -> None:
    assert status(monkeypatch, "validate", "--warehouse", str(PROJECT / "warehouse")) == 0


def test_no_is_1_also_when_a_command_says_it_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "dwd" / "orders").mkdir(parents=True)
    assert status(monkeypatch, "validate", "--warehouse", str(tmp_path)) == 1


def test_no_is_1_when_an_error_says_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert status(monkeypatch, "validate", "--warehouse", str(tmp_path / "nowhere")) == 1


def test_wrong_use_is_2(monkeypatch: pytest.MonkeyPatch) -> None:
    assert status(monkeypatch, "status", "--no-such-option") == 2
    assert status(monkeypatch, "no-such-command") == 2
