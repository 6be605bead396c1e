"""The real Prometheus and Alertmanager, run with what `deploy/prometheus` holds."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.conftest import PROJECT
from tests.integration import debian
from tests.integration.waiting import eventually

DEPLOYED = PROJECT / "deploy" / "prometheus"
_PACKAGES = ("prometheus", "prometheus-alertmanager")


def program(name: str) -> str:
    """The path of one of their programs. The test is skipped where it cannot be had, but not in CI."""
    return debian.program(name, *_PACKAGES)


def check(name: str, *arguments: str | Path) -> None:
    """Run a checking program; fail with what it says when it finds fault."""
    done = subprocess.run(
        [program(name), *map(str, arguments)], capture_output=True, text=True, cwd=DEPLOYED, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def lay_out(folder: Path, watch: str, alertmanager: int, receiver: str) -> None:
    """A copy of what is deployed that looks more often, and gives flashes hardly any time.

    Not more often than a busy machine answers: a scrape that takes too long takes all series with it.
    """
    shutil.copytree(DEPLOYED, folder)
    targets = [{"targets": [watch.removeprefix("http://")], "labels": {"stack": "tested"}}]
    (folder / "targets" / "local.yml").write_text(yaml.safe_dump(targets))
    (folder / "alertmanagers" / "local.yml").write_text(yaml.safe_dump([{"targets": [f"127.0.0.1:{alertmanager}"]}]))
    with _edited(folder / "prometheus.yml") as settings:
        settings["global"] = {"scrape_interval": "5s", "scrape_timeout": "5s", "evaluation_interval": "1s"}
    with _edited(folder / "rules" / "alerts.yml") as rules:
        for rule in (rule for group in rules["groups"] for rule in group["rules"]):
            rule |= {"for": "1s", "keep_firing_for": "10s"}
    with _edited(folder / "alertmanager.yml") as settings:
        for route in (settings["route"], *settings["route"]["routes"]):
            route |= {"group_wait": "1s", "group_interval": "1s"}
        for each in settings["receivers"]:
            each["webhook_configs"][0]["url"] = f"{receiver}/{each['name']}"


@contextmanager
def running(folder: Path, prometheus: int, alertmanager: int) -> Iterator[str]:
    """Both, on these ports; gives Prometheus' address."""
    address = f"http://127.0.0.1:{prometheus}"
    with (
        _started(
            folder,
            "prometheus-alertmanager",
            "--config.file=alertmanager.yml",
            "--storage.path=notified",
            f"--web.listen-address=127.0.0.1:{alertmanager}",
            "--cluster.listen-address=",
        ),
        _started(
            folder,
            "prometheus",
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=series",
            f"--web.listen-address=127.0.0.1:{prometheus}",
        ),
    ):
        for url in (address, f"http://127.0.0.1:{alertmanager}"):
            eventually(lambda url=url: _is_ready(url), f"{url} to be ready")
        yield address


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready").status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def _started(folder: Path, name: str, *arguments: str) -> Iterator[None]:
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen([program(name), *arguments], cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)


@contextmanager
def _edited(file: Path) -> Iterator[Any]:
    content = yaml.safe_load(file.read_text())
    yield content
    file.write_text(yaml.safe_dump(content, allow_unicode=True))
