"""Programs of Debian's packages that tests run."""

import os
import shutil
import subprocess
from functools import cache

import pytest


def program(name: str, *packages: str) -> str:
    """Its path; as root the packages are installed where it is not there.

    The test is skipped where it cannot be had, but not in CI.
    """
    found = shutil.which(name) or _installed(name, packages)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs Debian's packages: {', '.join(packages)}")
    return found


@cache
def _installed(name: str, packages: tuple[str, ...]) -> str | None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *packages]):
            subprocess.run(command, capture_output=True, check=False, timeout=240)
    return shutil.which(name)
