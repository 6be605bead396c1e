"""Since when Dagster's daemons, sensors and schedules have been silent: one rule for `/healthz` and for alerts."""

from datetime import datetime, timedelta

from resources.local.dagster import DAEMON
from resources.watch.picture import Daemon, Instigator, Picture

# A daemon's heart beats each half minute; Dagster itself calls it unhealthy after half an hour
# (dagster/_daemon/controller.py, DEFAULT_DAEMON_HEARTBEAT_TOLERANCE_SECONDS).
_HEARTBEAT = timedelta(minutes=3)
# A sensor is overdue after so many intervals, and never before a daemon that it would be silent with: a busy machine
# is late, not dead.
_INTERVALS, _SHORTEST_PATIENCE = 10, timedelta(minutes=5)


def started(picture: Picture) -> datetime:
    """Since when the daemon's process runs: no heartbeat and no tick is due before that."""
    daemon = next((process for process in picture.status.processes if process.name == DAEMON), None)
    return picture.at - timedelta(seconds=daemon.uptime if daemon else 0)


def is_alive(daemon: Daemon, picture: Picture) -> bool:
    """Its heart has beaten lately, without an error."""
    at = picture.dagster.at
    last = max(daemon.last_heartbeat or started(picture), started(picture))
    return daemon.healthy and (at is None or at - last <= _HEARTBEAT)


def is_overdue(found: Instigator, picture: Picture) -> bool:
    """It should have been evaluated and was not."""
    at = picture.dagster.at
    if not found.running or found.interval is None or at is None:
        return False
    last = max(found.last_tick.at, started(picture)) if found.last_tick else started(picture)
    return at - last > max(_INTERVALS * found.interval, _SHORTEST_PATIENCE)
