"""What is wrong in a picture of Dagster, as conditions: daemons, definitions, runs, checks, sensors and schedules."""

import re
from collections.abc import Iterator

from headwater.alerts.condition import Condition, Kind, Severity, key_of
from headwater.duration import elapsed
from headwater.model import Model, TableName, Warehouse
from headwater.stack import Stack
from resources.watch.liveness import is_alive, is_overdue
from resources.watch.picture import Check, Daemon, DagsterPicture, Instigator, InstigatorKind, Picture, Run

SUPERVISOR = key_of(Kind.PROCESS, "supervisor")
"""When the supervisor is gone, so is most of what it has started."""

_CODE, _WEB, _DAEMON = (key_of(Kind.PROCESS, name) for name in ("dagster-code", "dagster-webserver", "dagster-daemon"))
_DEFINITIONS = key_of(Kind.DEFINITIONS, "dagster")
_DAEMONS = key_of(Kind.DAEMON, "dagster")
# The check that says the same of a table as its lag does, which the picture has itself.
_FRESH = "fresh"
# What sensors ask.
_ASKED = tuple(
    key_of(kind, name)
    for kind, name in (
        (Kind.PROCESS, "jobmanager"),
        (Kind.PROCESS, "kafka"),
        (Kind.UNREACHABLE, "flink"),
        (Kind.UNREACHABLE, "kafka"),
    )
)

_CHANGING = re.compile(r"[0-9a-f]{8,}|[0-9]+")


def dagster_conditions(picture: Picture, stack: Stack, declared: Warehouse) -> Iterator[Condition]:
    """Everything that is wrong with Dagster, and that it says is wrong."""
    seen = picture.dagster
    if picture.declarations:
        words = f"the declarations cannot be read: {_line(picture.declarations)}"
        subject = Kind.DECLARATIONS, "warehouse", Severity.WARNING
        yield Condition(*subject, words, picture.at, next_command="headwater validate")
    if seen.unreachable:
        yield Condition(
            kind=Kind.UNREACHABLE,
            subject="dagster",
            severity=Severity.ERROR,
            words=f"Dagster cannot be asked: {_line(seen.unreachable)}",
            since=picture.at,
            explained_by=(_WEB, _CODE, SUPERVISOR),
            url=stack.dagster_url,
            next_command="headwater logs dagster-webserver",
        )
    if seen.definitions_error:
        yield Condition(
            kind=Kind.DEFINITIONS,
            subject="dagster",
            severity=Severity.ERROR,
            words=f"Dagster's definitions do not load: {_line(seen.definitions_error)}",
            since=picture.at,
            explained_by=(_CODE, key_of(Kind.DECLARATIONS, "warehouse")),
            url=f"{stack.dagster_url}/deployment/locations",
            next_command="headwater validate, then headwater logs dagster-code",
        )
    yield from (_daemon(each, picture, stack) for each in seen.daemons if each.required and not is_alive(each, picture))
    yield from (each for found in seen.instigators if (each := _instigator(found, picture, stack)))
    yield from _runs(seen.runs, stack, declared)
    yield from _checks(seen.checks, stack, declared)


def blind_kinds(seen: DagsterPicture) -> frozenset[Kind]:
    """What cannot be told since Dagster does not answer."""
    if not seen.unreachable:
        return frozenset()
    kinds = (Kind.DEFINITIONS, Kind.DAEMON, Kind.SENSOR, Kind.SCHEDULE, Kind.RUN, Kind.BACKFILL, Kind.CHECK)
    return frozenset(kinds)


def settled_runs(seen: DagsterPicture) -> tuple[str, ...]:
    """Ids of failed runs whose work a later run has done."""
    good = [run for run in seen.ended if run.status == "SUCCESS"]
    return tuple(
        run.id
        for run in seen.runs
        if any(
            (each.job_name, each.assets, each.partition) == (run.job_name, run.assets, run.partition)
            and each.ended_at > run.ended_at
            for each in good
        )
    )


def _daemon(daemon: Daemon, picture: Picture, stack: Stack) -> Condition:
    last = daemon.last_heartbeat
    heard = f"no heartbeat for {elapsed(picture.at - last)}" if last else "it has never given a heartbeat"
    return Condition(
        kind=Kind.DAEMON,
        subject=daemon.type,
        severity=Severity.ERROR,
        words=f"Dagster's daemon {daemon.type} is not healthy: {_line(daemon.error) or heard}",
        since=last or picture.at,
        group=_DAEMONS,
        explained_by=(_DAEMON,),
        url=f"{stack.dagster_url}/deployment/daemons",
        next_command="headwater logs dagster-daemon; if it hangs, end its process: it is started again",
    )


def _instigator(found: Instigator, picture: Picture, stack: Stack) -> Condition | None:
    tick = found.last_tick
    if not found.running or tick is None:
        return None
    kind = Kind.SENSOR if found.kind is InstigatorKind.SENSOR else Kind.SCHEDULE
    silent = picture.at - tick.at
    if tick.failed:
        words = f"the {kind} {found.name} fails: {_line(tick.error) or 'Dagster gives no reason'}"
    elif is_overdue(found, picture):
        words = f"the {kind} {found.name} has not been evaluated for {elapsed(silent)}"
    else:
        return None
    daemon = "SENSOR" if kind is Kind.SENSOR else "SCHEDULER"
    return Condition(
        kind=kind,
        subject=found.name,
        severity=Severity.ERROR,
        words=words,
        since=tick.at,
        explained_by=(_DAEMON, _CODE, _DEFINITIONS, key_of(Kind.DAEMON, daemon), *_ASKED),
        url=f"{stack.dagster_url}/automation",
        next_command="headwater logs dagster-code; its ticks are on Dagster's page",
    )


def _runs(failed: tuple[Run, ...], stack: Stack, declared: Warehouse) -> Iterator[Condition]:
    by_subject: dict[tuple[Kind, str], list[Run]] = {}
    for run in failed:
        what = run.assets[0] if len(run.assets) == 1 else run.job_name
        subject = (Kind.BACKFILL, run.backfill) if run.backfill else (Kind.RUN, what)
        by_subject.setdefault(subject, []).append(run)
    for (kind, subject), runs in by_subject.items():
        newest = max(runs, key=lambda run: run.ended_at)
        model = _model(newest.assets[0] if newest.assets else "", declared)
        of = ", ".join(dict.fromkeys(asset for run in runs for asset in run.assets)) or newest.job_name
        what = f"backfill {subject} of {of}" if kind is Kind.BACKFILL else of
        count = "a run" if len(runs) == 1 else f"{len(runs)} runs"
        at = f" at {newest.partition}" if newest.partition else ""
        error = _line(newest.error)
        yield Condition(
            kind=kind,
            subject=subject,
            severity=Severity.ERROR,
            words=f"{what}: {count} failed, the newest{at}: {error or newest.status}",
            since=min(run.ended_at for run in runs),
            # Runs that fail for one reason are one alert, whatever they are of.
            group=key_of(kind, _CHANGING.sub("…", error)[:80]) if error and kind is Kind.RUN else "",
            owner=model.owner if model else "",
            affects=tuple(map(str, declared.downstream(model.name))) if model else (),
            url=f"{stack.dagster_url}/runs/{newest.id}",
            next_command="the run's page says why; mend that, and launch it again from there",
        )


def _checks(failed: tuple[Check, ...], stack: Stack, declared: Warehouse) -> Iterator[Condition]:
    by_asset: dict[str, list[Check]] = {}
    for check in failed:
        if check.name != _FRESH:
            by_asset.setdefault(check.asset, []).append(check)
    for asset, checks in by_asset.items():
        model = _model(asset, declared)
        is_error = any(check.severity == "ERROR" for check in checks)
        said = "; ".join(f"{check.name} ({_line(check.description) or 'failed'})" for check in checks)
        yield Condition(
            kind=Kind.CHECK,
            subject=str(model.name) if model else asset,
            severity=Severity.ERROR if is_error else Severity.WARNING,
            words=f"{model.name if model else asset}: {'a check fails' if len(checks) == 1 else 'checks fail'}: {said}",
            since=min(check.at for check in checks),
            # Rows that are wrong are wrong in every table that is made of them.
            explained_by=tuple(key_of(Kind.CHECK, str(name)) for name in _above(model, declared)),
            owner=model.owner if model else "",
            affects=tuple(map(str, declared.downstream(model.name))) if model else (),
            url=f"{stack.dagster_url}/assets/{asset}?view=checks",
            next_command="the check's page says more; mend what it is about, then run it again there",
        )


def _model(asset: str, declared: Warehouse) -> Model | None:
    """The model of an asset, be it the table or its job; None for what is neither."""
    layer, _, table = asset.partition("/")
    text = table.replace("_", ".", 1) if layer == "flink" else f"{layer}.{table}"
    try:
        return declared.model(TableName.parse(text))
    except (KeyError, ValueError):
        return None


def _above(model: Model | None, declared: Warehouse) -> list[TableName]:
    """The tables that a table is made of, near or far, the furthest first."""
    reached: dict[TableName, None] = {}
    waiting = [*model.reads] if model else []
    while waiting:
        name = waiting.pop()
        if name in declared and name not in reached:
            reached[name] = None
            waiting += declared.model(name).reads
    order = {each.name: place for place, each in enumerate(declared.models)}
    return sorted(reached, key=order.__getitem__)


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
