"""Room on the disk of the state folder."""

import os
import shutil
from pathlib import Path

from headwater.problem import HeadwaterError

VARIABLE = "HEADWATER_MIN_FREE_GB"
DEFAULT_GIGABYTES = 2.0


def needed_gigabytes() -> float:
    """How much must be free for a start: HEADWATER_MIN_FREE_GB, or 2.

    Raises:
        HeadwaterError: the variable is not a number.
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        return DEFAULT_GIGABYTES
    try:
        return float(text)
    except ValueError:
        raise HeadwaterError(f"{VARIABLE}={text} is not a number", next_command=f"unset {VARIABLE}") from None


def free_gigabytes(folder: Path) -> float:
    """What is free on the disk that holds the folder, which need not exist yet."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free / 1e9


def check_room(folder: Path) -> None:
    """Enough is free for jars, checkpoints and tables.

    Raises:
        HeadwaterError: less is free than needed.
    """
    free, needed = free_gigabytes(folder), needed_gigabytes()
    if free < needed:
        raise HeadwaterError(
            f"The disk of {folder} has {free:.1f} GB free; the stack needs {needed:g} GB to start",
            left="nothing was started",
            next_command=f"free some space, set HEADWATER_HOME to another disk, or set {VARIABLE}; then: headwater up",
        )


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder, which may be written to meanwhile; 0 when it is not there."""
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:
            continue
    return total
