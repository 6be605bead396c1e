"""What docs/serving.md says to type in, typed in as it stands, beside a running API."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.integration.api.process import ROW, SNAPSHOT, Api

PAGE = PROJECT / "docs" / "serving.md"
BIN = Path(sys.executable).parent
GENERATOR = "openapi-python-client@"


def blocks(language: str) -> list[str]:
    """The blocks of the page's part for Python."""
    part = PAGE.read_text(encoding="utf-8").partition("## From Python\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", part, re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Caller:
    """Somebody with a key and an empty folder."""

    folder: Path
    url: str
    key: str

    def types(self, *command: str, text: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command on a text of the page, of which the port alone is another."""
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "KEY")}
        environment |= {"KEY": self.key, "UV_PYTHON": sys.executable, "PATH": f"{BIN}:{os.environ['PATH']}"}
        typed = text.replace("http://127.0.0.1:8800", self.url)
        return subprocess.run(
            command, input=typed, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=240
        )


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    api = Api.in_folder(tmp_path_factory.mktemp("api"))
    with api.running() as url:
        yield Caller(tmp_path_factory.mktemp("caller"), url, api.token)


@pytest.fixture(scope="module")
def generated(caller: Caller) -> Caller:
    """The same with the client made; the test is skipped where the generator cannot be had, but not in CI."""
    (text,) = blocks("sh")
    name = next(word for word in text.split() if word.startswith(GENERATOR))
    had = caller.types("uvx", name, "--version")
    if had.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {name}: {had.stderr}")
    done = caller.types("sh", "-e", text=text)
    assert (done.returncode, "warning" in (done.stdout + done.stderr).lower()) == (0, False), done.stdout + done.stderr
    return caller


def test_httpx_alone_reads_a_row(caller: Caller) -> None:
    done = caller.types(sys.executable, "-", text=blocks("python")[0])
    assert f"'created': {ROW['created']}," in done.stdout, done.stderr


def test_a_row_that_is_not_there_is_none(caller: Caller) -> None:
    done = caller.types(sys.executable, "-", text=blocks("python")[0].replace("/motorcycle", "/boat"))
    assert done.stdout == "None\n", done.stderr


def test_a_client_that_is_made_of_the_document_reads_a_row(generated: Caller) -> None:
    done = generated.types(sys.executable, "-", text=blocks("python")[1])
    as_of = ROW["minute_at"].isoformat(" ")
    assert done.stdout == f"{ROW['created']} {SNAPSHOT} {as_of}\n", done.stderr


def test_it_gives_a_problem_as_such(generated: Caller) -> None:
    done = generated.types(sys.executable, "-", text=blocks("python")[1].replace('"motorcycle"', '"boat"'))
    assert done.stdout.startswith("404 "), done.stderr
