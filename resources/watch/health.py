"""Whether everything that must work does: what `/healthz` answers. How fresh data is belongs to alerts, not here."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from headwater.trouble import Trouble, process_trouble
from resources.local.dagster import CODE_SERVER, DAEMON, WEBSERVER
from resources.local.watch import NAME
from resources.watch.liveness import is_alive, is_overdue
from resources.watch.picture import Instigator, Picture

# Six looks; one look waits for half a minute when a system hangs.
RECENT = timedelta(seconds=60)


def troubles(picture: Picture | None, now: datetime) -> tuple[Trouble, ...]:
    """Everything that is dead or fails for good; none when all is well.

    A job that restarts once is no trouble, nor a table that is late.

    Args:
        picture: The newest look; None before the first.
        now: UTC.
    """
    logs = f"headwater logs {NAME}"
    if picture is None:
        return (Trouble(NAME, "has not looked yet", logs),)
    found: list[Trouble] = []
    age = now - picture.at
    if age > RECENT:
        found.append(Trouble(NAME, f"last looked {age.total_seconds():.0f} s ago", logs))
    found += _of_stack(picture)
    found += _of_dagster(picture)
    return tuple(found)


def _of_stack(picture: Picture) -> Iterator[Trouble]:
    found = picture.status
    if not found.processes:
        yield Trouble("supervisor", "does not answer: no process of the stack is looked after", "headwater up")
    for process in found.processes:
        trouble = process_trouble(process.name, process.state, process.restarts)
        if trouble is not None:
            yield trouble
        elif process.state != "RUNNING":
            yield Trouble(process.name, f"is {process.state}", f"headwater logs {process.name}")
    if found.unreachable:
        yield Trouble("Flink", f"cannot be asked: {found.unreachable}", "headwater logs jobmanager")
    for job in found.jobs:
        for fault in job.faults:
            if fault.is_error:
                yield Trouble(str(job.model), fault.reason, fault.next_command)
    if picture.declarations:
        yield Trouble("declarations", f"cannot be read: {picture.declarations.splitlines()[0]}", "headwater validate")


def _of_dagster(picture: Picture) -> Iterator[Trouble]:
    found = picture.dagster
    if found.unreachable:
        yield Trouble("Dagster", f"cannot be asked: {found.unreachable}", f"headwater logs {WEBSERVER}")
        return
    if found.definitions_error:
        yield Trouble("definitions", f"do not load: {found.definitions_error}", f"headwater logs {CODE_SERVER}")
    for daemon in found.daemons:
        if daemon.required and not is_alive(daemon, picture):
            last = (
                f"last heartbeat {daemon.last_heartbeat:%Y-%m-%d %H:%M:%S} UTC"
                if daemon.last_heartbeat
                else "never ran"
            )
            why = f"; {daemon.error}" if daemon.error else ""
            yield Trouble(f"daemon {daemon.type}", f"is not healthy: {last}{why}", f"headwater logs {DAEMON}")
    for each in found.instigators:
        if each.running:
            yield from _of_instigator(each, picture)


def _of_instigator(each: Instigator, picture: Picture) -> Iterator[Trouble]:
    subject, logs = f"{each.kind.value} {each.name}", f"headwater logs {CODE_SERVER}"
    if each.last_tick is not None and each.last_tick.failed:
        yield Trouble(subject, f"fails: {each.last_tick.error}", logs)
    if is_overdue(each, picture):
        ticked = f"since {each.last_tick.at:%Y-%m-%d %H:%M:%S} UTC" if each.last_tick else "yet"
        yield Trouble(subject, f"has not ticked {ticked}", f"headwater logs {DAEMON}")
