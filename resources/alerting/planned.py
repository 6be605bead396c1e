"""Stops that are meant: the stack is being started or stopped, or a plan is being carried out."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import psutil

from headwater.alerts.condition import Kind
from headwater.alerts.silence import Silence
from headwater.model import Warehouse
from headwater.stack import Stack

# What was stopped takes some time to catch up when it runs again.
_GRACE = timedelta(seconds=60)
# An apply that takes longer is no planned stop any more: somebody should hear of what it keeps down.
_LONGEST = timedelta(minutes=30)

_STOPPED = (Kind.JOB, Kind.FRESHNESS, Kind.DRIFT)


def planned(stack: Stack, declared: Warehouse, now: datetime) -> tuple[Silence, ...]:
    """What is silenced now since it is meant to be so, until a minute from now."""
    run = stack.home / "run"
    until = now + _GRACE
    changing = _pid(run / "changing.pid")
    if changing is not None and psutil.pid_exists(changing):
        return (Silence("*", until, f"the stack is being started or stopped by process {changing}"),)
    return tuple(
        Silence(f"{kind}:{name}", until, f"an apply is under way: {doing}")
        for doing, names in _applied(run / "apply.holder", declared, now)
        for name in names
        for kind in _STOPPED
    )


def _applied(holder: Path, declared: Warehouse, now: datetime) -> list[tuple[str, tuple[str, ...]]]:
    """What the holder of the apply lock stops (resources.applylock), and all that is downstream of it."""
    try:
        said = json.loads(holder.read_text())
        doing, since = str(said["doing"]), datetime.fromisoformat(said["since"])
        lives = psutil.pid_exists(int(said["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return []
    verb, _, names = doing.partition(" ")
    if not lives or now - since > _LONGEST or verb not in ("applying", "scaling", "stopping"):
        return []
    if names == "all jobs":
        return [(doing, ("*",))]
    chosen = [model.name for model in declared.streaming if str(model.name) in names.split(", ")]
    affected = dict.fromkeys(str(name) for table in chosen for name in (table, *declared.downstream(table)))
    return [(doing, tuple(affected))]


def _pid(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
