"""`make install` on a machine that is not as it should be."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent.parent.parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path / name)
    return tmp_path


def _make(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(
        command, cwd=checkout, env=os.environ | environment, capture_output=True, text=True, timeout=120
    )


def test_another_python_is_refused_by_name_and_version(checkout: Path) -> None:
    python = checkout / "python3.12"
    python.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.12.4 && exit 0\nexit 1\n')
    python.chmod(0o755)
    done = _make(checkout, "install", f"PYTHON={python}")
    assert done.returncode != 0
    assert f"Headwater needs Python 3.11; {python} is Python 3.12.4." in done.stderr
    assert "next:  install Python 3.11, or name it: make install PYTHON=" in done.stderr
    assert not (checkout / ".venv").exists()


def test_no_network_at_set_up_says_what_is_left_and_how_to_go_on(checkout: Path) -> None:
    nowhere = "http://127.0.0.1:9/simple"
    done = _make(
        checkout,
        "install",
        f"PYTHON={sys.executable}",
        PIP_INDEX_URL=nowhere,
        PIP_RETRIES="0",
        UV_DEFAULT_INDEX=nowhere,
    )
    assert done.returncode != 0
    assert "Installing the Python packages failed" in done.stderr
    assert "left:  .venv is incomplete" in done.stderr
    assert "then: make install" in done.stderr
    assert not (checkout / ".venv" / ".installed").exists()


def test_a_second_set_up_does_nothing(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / ".installed").touch()
    done = _make(checkout, "install", "PYTHON=/nowhere")
    assert done.returncode == 0
    assert "Installing" not in done.stdout
