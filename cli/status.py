"""`headwater status`: processes, jobs and tables at a glance, and the live view of `headwater up`."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.clock import elapsed, iso, local, seconds
from cli.undeclared import as_dict as undeclared_dict
from cli.undeclared import foreign_dict, lines
from headwater.lag.hops import State
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.status import JobStatus, StackStatus, TableStatus, status

_REFRESH_SECONDS = 2.0
_COLOURS = {
    "RUNNING": "green",
    "fresh": "green",
    "late": "yellow",
    "stale": "red",
    "MISSING": "red",
    "RESTARTING": "red",
    "FAILED": "red",
    "FATAL": "red",
    "BACKOFF": "red",
    "STARTING": "yellow",
}


@click.command()
@click.option(
    "--warehouse", type=click.Path(file_okay=False), help="Folder of declarations; default: the running stack's."
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON: {healthy, troubles, processes, jobs, tables, undeclared, foreign}.",
)
def command(warehouse: str | None, as_json: bool) -> None:
    """Show what runs, and how far behind each table is.

    Lag is event time: how long ago the newest event happened that the table holds everything up to. Records counts
    what the newest snapshot's files hold; a key table that is not compacted yet counts an updated row twice.

    Below the tables it says, for each process and job that is not as it should be, what is wrong, why, and what to do;
    which jobs run that no model declares.

    Exit status 0 when every process and every declared job runs, 1 when not.
    """
    found = status(Stack.resolve(warehouse))
    if as_json:
        click.echo(json.dumps(as_dict(found), indent=2))
    else:
        Console().print(view(found))
    raise click.exceptions.Exit(0 if found.healthy else 1)


def live(stack: Stack, stop: threading.Event) -> None:
    """Show the stack's tables until told to stop: redrawn on a terminal, one plain line a minute elsewhere."""
    console = Console()
    if not console.is_terminal:
        while not stop.wait(60.0):
            click.echo(line(status(stack, details=False)))
        return
    with Live(console=console, auto_refresh=False, transient=False) as display:
        while True:
            try:
                shown = view(status(stack, details=False), processes=False)
            except HeadwaterError as error:
                shown = Text(str(error), style="red")
            display.update(Group(shown, Text("Ctrl-C stops every job with a savepoint", style="dim")), refresh=True)
            if stop.wait(_REFRESH_SECONDS):
                return


def line(found: StackStatus) -> str:
    """The tables in one line, for logs."""
    states = {job.model: job.state for job in found.jobs}
    parts = [
        f"{table.model} {table.rows:,} records, lag {elapsed(table.behind)}, {states[table.model]}"
        for table in found.tables
        if table.model in states
    ]
    return f"{local(found.at)}  " + "; ".join(parts)


def view(found: StackStatus, *, processes: bool = True) -> Group:
    """The status as aligned tables."""
    parts: list[Any] = []
    if processes:
        parts.append(_process_table(found))
    if found.unreachable and not (processes and found.troubles):
        parts.append(Text(found.unreachable, style="red"))
    parts.append(_model_table(found))
    if processes:
        parts.extend(_troubles(found))
    parts.extend(Text(line) for line in lines(found.undeclared, found.foreign))
    parts.append(Text(f"as of {local(found.at)}", style="dim"))
    return Group(*parts)


def as_dict(found: StackStatus) -> dict[str, Any]:
    """The status for programs. Times are ISO-8601 in UTC, durations seconds, memory bytes."""
    return {
        "healthy": found.healthy,
        "as_of": iso(found.at),
        "unreachable": found.unreachable or None,
        "troubles": [{"subject": t.subject, "what": t.what, "next": t.next_command} for t in found.troubles],
        "processes": [
            {
                "name": process.name,
                "state": process.state,
                "pid": process.pid,
                "uptime_seconds": round(process.uptime, 1),
                "restarts": process.restarts,
                "memory_bytes": process.rss,
                "log": str(process.log),
            }
            for process in found.processes
        ],
        "jobs": [_job_dict(job) for job in found.jobs],
        "tables": [_table_dict(table) for table in found.tables],
        "undeclared": [undeclared_dict(job) for job in found.undeclared],
        "foreign": [foreign_dict(job) for job in found.foreign],
    }


def _job_dict(job: JobStatus) -> dict[str, Any]:
    health = job.health
    return {
        "model": str(job.model),
        "name": f"{job.model}@{job.job.fingerprint}" if job.job else None,
        "state": job.state,
        "id": job.job.id if job.job else None,
        "url": job.job.url if job.job else None,
        "started_at": iso(job.job.started_at) if job.job else None,
        "checkpoints": health.checkpoints_completed if health else None,
        "last_checkpoint_at": iso(health.last_checkpoint_at) if health else None,
        "restored_from": health.restored_from if health else None,
        "restarts": health.restarts if health else None,
        "late_dropped": health.late_dropped if health else None,
        "failure": (health.failure or None) if health else None,
        "checkpoint_failure": (health.checkpoint_failure or None) if health else None,
        "health": _word(job),
        "checks": [
            {
                "check": verdict.check.value,
                "passed": verdict.passed,
                "reason": verdict.reason,
                "next": verdict.next_command or None,
            }
            for verdict in job.verdicts
        ],
    }


def _word(job: JobStatus) -> str | None:
    if not job.verdicts:
        return None
    if any(fault.is_error for fault in job.faults):
        return "failing"
    return "warning" if job.faults else "ok"


def _table_dict(table: TableStatus) -> dict[str, Any]:
    snapshot = table.snapshot
    return {
        "model": str(table.model),
        "snapshot": snapshot.id if snapshot else None,
        "committed_at": iso(snapshot.committed_at) if snapshot else None,
        "rows": table.rows,
        "watermark": iso(snapshot.watermark) if snapshot else None,
        "lag_seconds": seconds(table.behind),
        "freshness": table.state.value,
    }


def _process_table(found: StackStatus) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("process", "state", "pid", "up", "restarts", "memory"):
        shown.add_column(name, justify="right" if name in ("pid", "up", "restarts", "memory") else "left", no_wrap=True)
    for process in found.processes:
        shown.add_row(
            process.name,
            _coloured(process.state),
            str(process.pid or "–"),
            f"{process.uptime:,.0f} s",
            str(process.restarts),
            f"{process.rss / 2**20:,.0f} MiB",
        )
    if not found.processes:
        shown.add_row("none: headwater up starts them")
    return shown


def _model_table(found: StackStatus) -> Table:
    jobs = {job.model: job for job in found.jobs}
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("table", "job", "snapshot", "records", "lag", "freshness", "note"):
        shown.add_column(
            name, justify="right" if name in ("snapshot", "records", "lag") else "left", no_wrap=name != "note"
        )
    for table in found.tables:
        job = jobs.get(table.model)
        shown.add_row(
            str(table.model),
            _coloured(job.state) if job else Text("batch", style="dim"),
            str(table.snapshot.id) if table.snapshot else "–",
            f"{table.rows:,}" if table.snapshot else "–",
            elapsed(table.behind),
            _coloured(table.state.value) if table.state is not State.UNKNOWN else "",
            _note(job),
        )
    return shown


def _note(job: JobStatus | None) -> str:
    if job is None or job.health is None:
        return ""
    notes = []
    if job.health.restarts:
        notes.append(f"{job.health.restarts} restarts")
    if job.health.late_dropped:
        notes.append(f"{job.health.late_dropped} late rows dropped by windows")
    return "; ".join(notes)


def _troubles(found: StackStatus) -> Iterator[Text]:
    """What is wrong, why, and what to do. What follows from a job's not running is not said again."""
    missing = {str(job.model): next(iter(job.faults), None) for job in found.jobs if job.job is None}
    for trouble in found.troubles:
        first = missing.get(trouble.subject)
        if first is None or first.reason == trouble.what:
            yield Text(f"✗ {trouble.subject}: {trouble.what}", style="red")
            if trouble.next_command:
                yield Text(f"    next:  {trouble.next_command}")


def _coloured(word: str) -> Text:
    return Text(word, style=_COLOURS.get(word, ""))
