"""The command line of the simulator: `headwater simulate` and `python -m simulator`."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from headwater.stack import HOME_VARIABLE, Stack

_WAREHOUSE = click.option(
    "--warehouse",
    type=click.Path(file_okay=False),
    help="Folder of declarations; the simulator reads its markets.yaml. Default: that of the running stack.",
)
_BOOTSTRAP = click.option(
    "--bootstrap", metavar="HOST:PORT", help="The Kafka broker. Default: that of the running stack."
)
_SEED = click.option("--seed", type=int, default=1, show_default=True, help="The same seed, the same records.")


def _instant(ctx: click.Context, param: click.Parameter, value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            f"«{value}» is not an ISO-8601 instant such as 2026-11-22T03:00Z", ctx, param
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


@click.group()
def command() -> None:
    """Play the upstream of the reference warehouse: orders, prices, dispatches and drivers' events, on Kafka.

    \b
    live    goes on for ever at a daily rhythm per market; what `headwater up` runs
    replay  writes a fixed span as fast as it can, and the truth that the tables must show

    The topics are ods.orders, ods.order_pricing and ods.order_dispatch (Debezium JSON change events), and
    ods.driver_status, ods.order_request and ods.coupon_redemption (plain JSON). Some records are late, repeated,
    out of order or malformed, on purpose and in counted numbers.
    """


@command.command()
@click.option(
    "--start",
    callback=_instant,
    metavar="INSTANT",
    default="2026-11-22T03:00Z",
    show_default=True,
    help="First minute, ISO-8601; UTC unless it says otherwise.",
)
@click.option(
    "--minutes", type=click.IntRange(1, 14 * 24 * 60), default=60, show_default=True, help="Length of the span."
)
@click.option("--orders", type=click.IntRange(0), default=10_000, show_default=True, help="Orders placed, world-wide.")
@_SEED
@click.option(
    "--truth",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what the tables must show to this JSON file, and the rows of dwd tables beside it as JSON lines.",
)
@_BOOTSTRAP
@_WAREHOUSE
def replay(
    start: datetime,
    minutes: int,
    orders: int,
    seed: int,
    truth: Path | None,
    bootstrap: str | None,
    warehouse: str | None,
) -> None:
    """Write a fixed span as fast as possible, then the truth.

    \b
    headwater simulate replay --start 2026-11-22T03:00Z --minutes 60 --orders 20000 --truth truth.json

    Nothing that happens after the span is sent: orders on their way at its end stay so. An order makes about
    seven records. Replaying the same span into the same topics again changes no table of changes, and doubles no event.
    """
    from simulator import replay as replaying
    from simulator.markets import read_markets

    stack = Stack.resolve(warehouse)
    span = replaying.ReplaySpan(start, minutes, orders, seed)
    result = replaying.replay(bootstrap or stack.kafka, read_markets(stack.warehouse), span, progress=True)
    if truth is not None:
        result.write(truth)
        click.echo(f"The truth is in {truth}", err=True)


@command.command()
@click.option(
    "--rate",
    type=click.FloatRange(0.01, 2_000),
    default=20.0,
    show_default=True,
    help="Orders per second world-wide if every market were at its evening peak; about a third of it on average.",
)
@click.option(
    "--history",
    type=click.IntRange(0, 24 * 60),
    default=25,
    show_default=True,
    help="Minutes of the past that the first start, or one after a long pause, fills at once.",
)
@_SEED
@_BOOTSTRAP
@_WAREHOUSE
@click.option(
    "--home",
    type=click.Path(file_okay=False),
    envvar=HOME_VARIABLE,
    help="The state folder. Default: HEADWATER_HOME, or .headwater here.",
)
def live(rate: float, history: int, seed: int, bootstrap: str | None, warehouse: str | None, home: str | None) -> None:
    """Go on for ever by the wall clock, until Ctrl-C or SIGTERM.

    \b
    headwater simulate live --rate 20

    Each market follows its own local day: peaks at lunch and in the evening, little at night. The next start goes
    on where this one stopped, orders under way included. Counts and progress are in `simulator/live.json` of the
    state folder, written every two seconds. With another rate or seed, orders under way are left as they are.
    """
    from simulator import live as playing
    from simulator.markets import read_markets

    if home is not None:
        os.environ[HOME_VARIABLE] = home
    stack = Stack.resolve(warehouse)
    options = playing.LiveOptions(orders_per_second=rate, history=history, seed=seed)
    playing.live(bootstrap or stack.kafka, read_markets(stack.warehouse), stack.home, options)
