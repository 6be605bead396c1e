"""`headwater replay`: write rejected records back to their topic."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from cli.clock import iso
from headwater.model import Model, Warehouse
from headwater.problem import HeadwaterError
from headwater.replay import Place, Rejected, Replayed, why_not
from headwater.stack import Stack

_SHOWN = 20
_PAYLOAD = 60


@click.command("replay")
@click.argument("source")
@click.option("--reason", help="Only records that were rejected for this, as type:price or missing:market.")
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), help="Write the records to this file, to mend."
)
@click.option(
    "--mended",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Write the values in this file, as --save wrote it: only the records that it names.",
)
@click.option("--yes", is_flag=True, help="Write them. Without it, only show what would be written.")
@click.option("--warehouse", type=click.Path(file_okay=False), help="The folder of declarations.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON: {source, written, records: [{partition, offset, reason, payload, mended, state, why_not, at}]}.",
)
def command(
    source: str,
    reason: str | None,
    save: Path | None,
    mended: Path | None,
    yes: bool,
    warehouse: str | None,
    as_json: bool,
) -> None:
    """Write records of ods.rejected back to the topic that they came over, each at most once.

    Without --yes nothing is written: it shows what would be. A record is written with the value that it came with,
    which helps when the declaration was what was wrong, or with the one in a file:

    \b
    headwater replay ods.orders --save orders.jsonl     # one record a line; correct «payload» there
    headwater replay ods.orders --mended orders.jsonl
    headwater replay ods.orders --mended orders.jsonl --yes

    It goes to the end of the partition it came from. One that does not fit its columns is rejected again, in its new
    place. What was written before is shown as such and not written again.

    Exit status 1 when a record cannot be written.
    """
    from resources.declarations import warehouse as declarations
    from resources.replay import rejected, replay, replayed

    stack = Stack.resolve(warehouse)
    model = _source(declarations(stack), source)
    records = rejected(stack, model, reason)
    values: Mapping[Place, str] = {}
    if mended is not None:
        values = _values(mended, model, records)
        records = tuple(record for record in records if record.place in values)
    known = replayed(stack)
    fresh = [record for record in records if record.place not in known]
    if save is not None:
        _save(save, fresh)
    written = replay(stack, model, values, fresh) if yes else 0
    if yes:
        known = replayed(stack)
    if as_json:
        entries = [_entry(record, values, known.get(record.place)) for record in records]
        click.echo(json.dumps({"source": source, "written": written, "records": entries}, indent=2, ensure_ascii=False))
    else:
        _show(records, values, known, written if yes else None, save)
    refused = any(_state(record, values, known.get(record.place)).startswith("cannot") for record in records)
    raise click.exceptions.Exit(1 if refused else 0)


def _source(declared: Warehouse, text: str) -> Model:
    from cli.options import table_names

    (name,) = table_names([text])
    if name not in declared or not declared.model(name).is_source:
        known = ", ".join(str(model.name) for model in declared.sources) or "none"
        raise HeadwaterError(
            f"There is no source {name}", left=f"the sources are {known}", next_command="headwater validate"
        )
    return declared.model(name)


def _save(file: Path, records: Sequence[Rejected]) -> None:
    lines = [
        json.dumps(
            {
                "partition": record.place.partition,
                "offset": record.place.offset,
                "reason": record.reason,
                "payload": record.payload,
            },
            ensure_ascii=False,
        )
        for record in records
    ]
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _values(file: Path, source: Model, records: Sequence[Rejected]) -> dict[Place, str]:
    """What the file says of each record. Raises HeadwaterError for a line that is no rejected record's."""
    there = {record.place for record in records}
    values: dict[Place, str] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
            place = Place(str(source.name), int(said["partition"]), int(said["offset"]))
            payload = said["payload"]
        except (ValueError, KeyError, TypeError) as error:
            raise HeadwaterError(
                f"{file}:{number}:1: this is no record as --save writes it: {error}",
                left="nothing was written",
                next_command="keep partition, offset and payload on each line",
            ) from error
        if place not in there or place in values:
            what = "stands twice" if place in values else "is not among the rejected records"
            raise HeadwaterError(
                f"{file}:{number}:1: the record {place} {what}",
                left="nothing was written",
                next_command=f"headwater replay {source.name}, to see those there are",
            )
        values[place] = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    return values


def _state(record: Rejected, values: Mapping[Place, str], done: Replayed | None) -> str:
    if done is not None:
        return "written before" if done.is_sent else "cut off: not known whether it was written"
    why = why_not(record, values.get(record.place, record.payload))
    return f"cannot be written: {why}" if why else "to be written"


def _show(
    records: Sequence[Rejected],
    values: Mapping[Place, str],
    known: Mapping[Place, Replayed],
    written: int | None,
    saved: Path | None,
) -> None:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("partition", "offset", "reason", "state", "value"):
        shown.add_column(name, justify="right" if name in ("partition", "offset") else "left", no_wrap=name != "state")
    for record in records[:_SHOWN]:
        value = values.get(record.place, record.payload)
        short = value if len(value) <= _PAYLOAD else f"{value[:_PAYLOAD]}…"
        state = _state(record, values, known.get(record.place))
        shown.add_row(str(record.place.partition), str(record.place.offset), record.reason, state, short)
    console = Console(highlight=False, markup=False)
    if records:
        console.print(shown)
    if len(records) > _SHOWN:
        click.echo(f"and {len(records) - _SHOWN} more")
    if saved is not None:
        click.echo(f"Written to {saved}, to be mended.")
    if written is not None:
        click.echo(f"{written} records written back.")
    elif any(_state(record, values, known.get(record.place)) == "to be written" for record in records):
        click.echo("Nothing was written; the same with --yes writes.")
    else:
        click.echo("There is nothing to write back.")


def _entry(record: Rejected, values: Mapping[Place, str], done: Replayed | None) -> dict[str, object]:
    value = values.get(record.place, record.payload)
    return {
        "partition": record.place.partition,
        "offset": record.place.offset,
        "reason": record.reason,
        "payload": value,
        "mended": value != record.payload if done is None else done.is_mended,
        "state": ("written" if done.is_sent else "cut off") if done else "not written",
        "why_not": why_not(record, value) if done is None else "",
        "at": iso(done.at) if done else None,
    }
