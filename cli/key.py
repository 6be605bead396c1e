"""`headwater key`: keys for callers of the data service API."""

import json
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from cli.options import Lasting
from headwater.model import Warehouse
from headwater.stack import Stack

if TYPE_CHECKING:
    from resources.apikeys import ApiKey


@click.group()
def command() -> None:
    """Make, list and revoke keys for the data service API.

    A running API takes notice within a second. To change a key, make a new one, let its callers move over, and revoke
    the old one.
    """


@command.command()
@click.argument("name")
@click.option("--product", "products", multiple=True, help="Only this product; repeatable. Left out: every product.")
@click.option("--market", "markets", multiple=True, help="Only rows of this market; repeatable. Left out: all markets.")
@click.option("--rate", type=click.FloatRange(min=0.1), default=1000.0, show_default=True, help="Requests a second.")
@click.option("--expires", type=Lasting(), help="How long it is good for, as 90d. Left out: until it is revoked.")
@click.option("--sql", is_flag=True, help="May ask in SQL, too, which reaches every table and market.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: {key, id, name, products, markets, …}.")
def create(
    name: str,
    products: tuple[str, ...],
    markets: tuple[str, ...],
    rate: float,
    expires: timedelta | None,
    sql: bool,
    as_json: bool,
) -> None:
    """Make a key for NAME, and print it. It is shown this once: only its hash is kept."""
    from resources.apikeys import KeyFile, file_of
    from resources.declarations import warehouse

    if sql and (products or markets):
        raise click.UsageError("--sql reaches every table: it does not go with --product or --market")
    stack = Stack.resolve()
    _known(warehouse(stack), products, markets)
    key, token = KeyFile(file_of(stack)).create(name, products, markets, rate, expires, sql=sql)
    if as_json:
        click.echo(json.dumps({"key": token, **_as_dict(key)}, indent=2))
        return
    click.echo(token)
    click.echo(
        f"{key.id}: {_scope(key)}. It is shown this once. Callers send it as: Authorization: Bearer KEY", err=True
    )


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: {keys: […]}.")
def list_(as_json: bool) -> None:
    """List the keys: whose each is and what it may ask for, never the key itself."""
    from rich.console import Console
    from rich.table import Table

    from resources.apikeys import KeyFile, file_of

    keys = KeyFile(file_of(Stack.resolve())).all()
    if as_json:
        click.echo(json.dumps({"keys": [_as_dict(key) for key in keys]}, indent=2))
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("id", "name", "products", "markets", "rate", "created", "expires"):
        shown.add_column(title, no_wrap=title == "id")
    for key in keys:
        scope = ", ".join(key.products) or "all", ", ".join(key.markets) or "all"
        shown.add_row(key.id, key.name, *scope, f"{key.rate:g}/s", key.created_at, key.expires_at or "never")
    Console().print(shown if keys else "There are no keys: headwater key create NAME", markup=False)


@command.command()
@click.argument("id_", metavar="ID")
def revoke(id_: str) -> None:
    """Make a key worthless. headwater key list shows the ID of each."""
    from resources.apikeys import KeyFile, file_of

    revoked = KeyFile(file_of(Stack.resolve())).revoke(id_)
    click.echo(f"{revoked.id} ({revoked.name}) is refused from now on.")


def _known(warehouse: Warehouse, products: tuple[str, ...], markets: tuple[str, ...]) -> None:
    """Raises click.BadParameter (exit status 2) for what is not declared: such a key could ask for nothing."""
    for given, what, known in (
        (products, "product", [product.name for product in warehouse.products]),
        (markets, "market", [market.code for market in warehouse.markets]),
    ):
        for name in given:
            if name not in known:
                raise click.BadParameter(f"there is no {what} «{name}»; there are: {', '.join(known) or 'none'}")


def _scope(key: "ApiKey") -> str:
    products = ", ".join(key.products) or "every product"
    reach = f"{products}, {', '.join(key.markets) or 'every market'}" + (", SQL" if key.sql else "")
    return f"{reach}, {key.rate:g} requests a second"


def _as_dict(key: "ApiKey") -> dict[str, Any]:
    return {name: value for name, value in asdict(key).items() if name != "digest"}
