"""Reads serving/<product>.yaml and checks each product against the table that it serves."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from headwater.assemble import changelog_of
from headwater.declaration import StreamForm
from headwater.diagnostics import closest
from headwater.draft import Draft
from headwater.model import ChangelogProducer, Column, TableName
from headwater.problem import Problem
from headwater.serving.address import parse, why_not_addressable
from headwater.serving.declaration import ProductForm
from headwater.serving.product import Product, WhenStale
from headwater.tablefile import read_form
from headwater.yamlfile import YamlFile

RESERVED = ("limit", "page")
"""Parameters of a scan besides the columns of the key."""

_SERVABLE = (
    *("STRING", "CHAR", "VARCHAR", "BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "DECIMAL", "FLOAT", "DOUBLE"),
    *("DATE", "TIME", "TIMESTAMP", "TIMESTAMP_LTZ"),
)


@dataclass(frozen=True, slots=True)
class Declared:
    """A product's file, and the draft of its table."""

    name: str
    content: YamlFile
    form: ProductForm
    table: Draft
    stream: StreamForm

    def problem(self, *path: str | int, message: str, advice: str = "") -> Problem:
        """A mistake at a value of the file."""
        return Problem(self.content.at_value(*path), message, advice)


def read_products(
    files: Mapping[str, Path],
    read: Callable[[Path], str | None],
    tables: Mapping[TableName, Draft | None],
    problems: list[Problem],
) -> tuple[Product, ...]:
    """The products of a warehouse; what is wrong with them is added to the problems.

    Args:
        files: By product.
        read: Gives a file's text, or notes why it cannot be read.
        tables: Every table; None for one that cannot be read itself.
    """
    products: list[Product] = []
    for name, file in files.items():
        text = read(file)
        if text is None:
            continue
        content, form, found = read_form(file, text, ProductForm)
        problems += found
        if form is None:
            continue
        declared = _resolved(name, content, form, tables, problems)
        if declared is None:
            continue
        broken = list(_broken_rules(declared))
        problems += broken
        if not broken:
            products.append(_product(declared))
    return tuple(products)


def _resolved(
    name: str,
    content: YamlFile,
    form: ProductForm,
    tables: Mapping[TableName, Draft | None],
    problems: list[Problem],
) -> Declared | None:
    place = content.at_value("table")
    known = {str(table): table for table in tables}
    if form.table not in known:
        advice = closest(form.table, known) or "Name a table of this warehouse, as layer.table."
        problems.append(Problem(place, f"there is no table «{form.table}»", advice))
        return None
    draft = tables[known[form.table]]
    if draft is None:
        return None
    if not isinstance(draft.form, StreamForm):
        message = f"{form.table} is not kept up to date by a job: dwd and dm tables are served"
        problems.append(Problem(place, message, "Name a dwd or dm table."))
        return None
    return Declared(name, content, form, draft, draft.form)


def _broken_rules(declared: Declared) -> Iterator[Problem]:
    for rule in (_table_tells_its_changes, _columns_exist, _address, _newest, _served, _market):
        yield from rule(declared)
    if not any(_columns_exist(declared)):
        yield from _examples(declared)


def _table_tells_its_changes(declared: Declared) -> Iterator[Problem]:
    if declared.stream.key and changelog_of(declared.stream) is ChangelogProducer.NONE:
        message = f"{declared.table.name} keeps no changelog, which a product is kept up to date by"
        yield declared.problem("table", message=message, advice="Declare changelog: lookup there.")


def _columns_exist(declared: Declared) -> Iterator[Problem]:
    form = declared.form
    places: list[tuple[str, tuple[str | int, ...]]] = [
        *((name, ("key", place)) for place, name in enumerate(form.key)),
        *((name, ("columns", place)) for place, name in enumerate(form.columns)),
    ]
    if form.newest is not None:
        places.append((form.newest, ("newest",)))
    seen: set[tuple[str, str]] = set()
    for name, path in places:
        column = declared.table.column(name)
        if column is None:
            advice = closest(name, [each.name for each in declared.table.columns])
            yield declared.problem(*path, message=f"«{name}» is not a column of {declared.table.name}", advice=advice)
        elif (str(path[0]), name) in seen:
            yield declared.problem(*path, message=f"«{name}» stands here a second time", advice="Keep one of the two.")
        seen.add((str(path[0]), name))


def _address(declared: Declared) -> Iterator[Problem]:
    form, table = declared.form, declared.table
    for place, name in enumerate(form.key):
        column = table.column(name)
        if column is None:
            continue
        reason = why_not_addressable(column.type)
        if reason:
            yield declared.problem("key", place, message=f"«{name}» cannot be part of an address: {reason}")
        if name in RESERVED:
            message = f"«{name}» is a parameter of the API's own"
            yield declared.problem("key", place, message=message, advice="Give the column another name.")
        if table.key and name not in table.key:
            message = f"«{name}» is not in the key of {table.name}: a row whose value of it changes would move"
            yield declared.problem("key", place, message=message, advice=f"Its key is {', '.join(table.key)}.")
    missing = [name for name in table.key if name not in form.key]
    if form.newest is None and not table.key:
        message = f"{table.name} has no key, so that an address has many rows"
        yield declared.problem("key", message=message, advice="Say by newest: which one is served.")
    elif form.newest is None and missing:
        message = f"an address has many rows: {table.name} is also told apart by {', '.join(missing)}"
        yield declared.problem(
            "key", message=message, advice="Add it to the key, or say by newest: which one is served."
        )


def _newest(declared: Declared) -> Iterator[Problem]:
    name = declared.form.newest
    column = declared.table.column(name) if name else None
    if column is None:
        return
    reason = why_not_addressable(column.type)
    if reason:
        yield declared.problem("newest", message=f"«{name}» has no newest value: {reason}")
    elif column.name in declared.form.key:
        message = f"all rows of one address have the same «{name}»"
        yield declared.problem("newest", message=message, advice="Take it out of the key.")
    for part in declared.table.key:
        other = declared.table.column(part)
        if other is not None and why_not_addressable(other.type):
            message = (
                f"rows of {declared.table.name} are told apart by «{part}», which is {other.type} and has no order"
            )
            yield declared.problem("newest", message=message)


def _served(declared: Declared) -> Iterator[Problem]:
    for place, name in enumerate(declared.form.columns):
        column = declared.table.column(name)
        if column is None:
            continue
        if name in declared.form.key:
            message = f"«{name}» is part of the key, which every answer has"
            yield declared.problem("columns", place, message=message, advice="Leave it out here.")
        if column.type.root not in _SERVABLE:
            message = f"«{name}» is {column.type}, which is not served"
            yield declared.problem("columns", place, message=message, advice="Serve columns of plain values.")
        elif column.type.root in ("TIMESTAMP", "TIMESTAMP_LTZ") and column.type.precision > 6:
            message = f"«{name}» is {column.type}, finer than microseconds"
            yield declared.problem("columns", place, message=message, advice="Serve a column of 6 digits or fewer.")


def _market(declared: Declared) -> Iterator[Problem]:
    name = declared.form.market
    if name is None:
        return
    column = declared.table.column(name)
    if name not in declared.form.key:
        message = f"«{name}» is not in the key, so that callers cannot be limited by it"
        yield declared.problem("market", message=message, advice=closest(name, declared.form.key))
    elif column is not None and column.type.root not in ("STRING", "CHAR", "VARCHAR"):
        message = f"«{name}» is {column.type}; markets are told by their code, a text"
        yield declared.problem("market", message=message)


def _examples(declared: Declared) -> Iterator[Problem]:
    key = declared.form.key
    for place, example in enumerate(declared.form.examples):
        if len(example) != len(key):
            message = f"an address has {len(key)} parts, and this example {len(example)}"
            yield declared.problem("examples", place, message=message, advice=f"They are {', '.join(key)}.")
            continue
        for index, (text, name) in enumerate(zip(example, key, strict=True)):
            column = declared.table.column(name)
            if column is None or why_not_addressable(column.type):
                continue
            try:
                parse(text, column.type)
            except ValueError as error:
                yield declared.problem("examples", place, index, message=f"{error}, as «{name}» is")


def _product(declared: Declared) -> Product:
    form = declared.form

    def column(name: str) -> Column:
        found = declared.table.column(name)
        assert found is not None
        return found

    return Product(
        name=declared.name,
        file=declared.content.file,
        description=form.description,
        owner=form.owner,
        table=declared.table.name,
        key=tuple(map(column, form.key)),
        newest=column(form.newest) if form.newest else None,
        identity=tuple(map(column, declared.table.key)),
        columns=tuple(map(column, form.columns)),
        market=form.market,
        max_age=form.freshness.max_age,
        when_stale=WhenStale(form.freshness.when_stale),
        examples=form.examples,
    )
