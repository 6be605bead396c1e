"""Reads every file of a warehouse folder and checks that all of it holds together."""

from collections.abc import Mapping
from pathlib import Path

from headwater.alerts.declaration import AlertsForm, policy_of
from headwater.alerts.policy import Policy
from headwater.assemble import TableFormType, columns_of, markets_of, model_of, prices_of
from headwater.checks.kinds import SqlCheck
from headwater.compile.rejects import REJECTED, rejected_model
from headwater.cost.prices import Prices
from headwater.dashboard.dashboard import Dashboard
from headwater.dashboard.declaration import read_dashboard
from headwater.declaration import MarketsForm, PricesForm, SourceForm
from headwater.diagnostics import closest
from headwater.draft import Draft, DraftFlow
from headwater.graph import in_dependency_order
from headwater.layout import (
    ALERTS_FILE,
    CHECKS_FOLDER,
    MARKETS_FILE,
    PRICES_FILE,
    SERVING_FOLDER,
    TABLE_FILE,
    Folder,
    Layout,
)
from headwater.model import Flow, Layer, Market, Model, TableName, Warehouse
from headwater.problem import InvalidWarehouse, Position, Problem
from headwater.query import analyse
from headwater.relations import Schema
from headwater.rules import broken_rules
from headwater.serving.product import Product
from headwater.serving.reading import read_products
from headwater.tablefile import FORMS, read_form
from headwater.versions import code_versions
from headwater.yamlfile import YamlFile


def read(layout: Layout) -> Warehouse:
    """The warehouse that lies there. Raises InvalidWarehouse with every problem found, in all files."""
    problems = list(layout.problems)
    markets = _markets(layout, problems)
    prices = _prices(layout, problems)
    alerts = _alerts(layout, markets, problems)
    forms = _forms(layout, problems)
    schema: Schema = {folder.name: columns_of(read_as[1]) if read_as else None for folder, read_as in forms.items()}
    drafts = {
        folder.name: _draft(layout.root, folder, read_as[0], read_as[1], schema, problems)
        for folder, read_as in forms.items()
        if read_as
    }
    problems += broken_rules(drafts, None if markets is None else len(markets))
    products = _products(layout, {folder.name: drafts.get(folder.name) for folder in forms}, problems)
    dashboards = _dashboards(layout, schema, problems)
    if not layout.folders:
        problems.append(
            Problem(Position(layout.root), "there is no table in this folder", "Begin with ods/<name>/table.yaml.")
        )
    if problems:
        raise InvalidWarehouse(tuple(dict.fromkeys(problems)))
    models = {name: _model(draft) for name, draft in drafts.items()}
    sources = tuple(model for model in models.values() if model.is_source)
    if sources:
        models[REJECTED] = rejected_model(sources)
    order = in_dependency_order({name: model.reads for name, model in models.items()})
    ordered = tuple(models[name] for name in order)
    return Warehouse(layout.root, ordered, markets or (), code_versions(ordered), prices, alerts, products, dashboards)


def _text(file: Path, problems: list[Problem]) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = f"this file is not UTF-8 text (byte {error.start})"
        problems.append(Problem(Position(file), message, "Save it as UTF-8."))
    except OSError as error:
        problems.append(Problem(Position(file), f"this file cannot be read: {error.strerror}"))
    return None


def _markets(layout: Layout, problems: list[Problem]) -> tuple[Market, ...] | None:
    """The markets; None when their file cannot be read."""
    if not layout.has_markets:
        return ()
    file = layout.root / MARKETS_FILE
    text = _text(file, problems)
    if text is None:
        return None
    _, form, found = read_form(file, text, MarketsForm)
    problems += found
    return markets_of(form) if form else None


def _prices(layout: Layout, problems: list[Problem]) -> Prices | None:
    """The price table; None when there is none, or its file cannot be read."""
    file = layout.root / PRICES_FILE
    text = _text(file, problems) if layout.has_prices else None
    if text is None:
        return None
    _, form, found = read_form(file, text, PricesForm)
    problems += found
    return prices_of(form) if form else None


def _alerts(layout: Layout, markets: tuple[Market, ...] | None, problems: list[Problem]) -> Policy:
    """When people are told of what; the defaults where nothing is declared, or it cannot be read."""
    text = _text(layout.root / ALERTS_FILE, problems) if layout.has_alerts else None
    if text is None:
        return Policy()
    content, form, found = read_form(layout.root / ALERTS_FILE, text, AlertsForm)
    problems += found
    if form is None or markets is None:
        return Policy()
    zones = {market.code: market.zone for market in markets}
    unknown = [(name, window.market) for name, window in form.windows.items() if window.market not in (None, *zones)]
    problems += [
        Problem(
            content.at_value("windows", name, "market"),
            f"«{market}» is not a market of {MARKETS_FILE}",
            closest(str(market), zones) or f"Markets: {', '.join(zones) or 'none'}.",
        )
        for name, market in unknown
    ]
    return Policy() if unknown else policy_of(form, zones)


def _products(layout: Layout, tables: Mapping[TableName, Draft | None], problems: list[Problem]) -> tuple[Product, ...]:
    files = {name: layout.root / SERVING_FOLDER / f"{name}.yaml" for name in layout.products}
    return read_products(files, lambda file: _text(file, problems), tables, problems)


def _dashboards(layout: Layout, schema: Schema, problems: list[Problem]) -> tuple[Dashboard, ...]:
    dashboards: list[Dashboard] = []
    for path in layout.dashboards:
        text = _text(layout.root / path, problems)
        if text is not None:
            dashboard, found = read_dashboard(layout.root / path, text, schema)
            problems += found
            dashboards += [dashboard] if dashboard else []
    return tuple(dashboards)


def _forms(layout: Layout, problems: list[Problem]) -> Mapping[Folder, tuple[YamlFile, TableFormType] | None]:
    """Each table's file and form; None for one that cannot be read, so that its readers are not blamed for it."""
    forms: dict[Folder, tuple[YamlFile, TableFormType] | None] = {}
    for folder in layout.folders:
        file = layout.root / folder.path / TABLE_FILE
        forms[folder] = None
        if not folder.has_table_file:
            problems.append(
                Problem(Position(file), f"{folder.name} has no {TABLE_FILE}", "Declare it, or remove the folder.")
            )
            continue
        text = _text(file, problems)
        if text is None:
            continue
        content, form, found = read_form(file, text, FORMS[folder.name.layer])
        problems += found
        if form is not None:
            forms[folder] = (content, form)
    return forms


def _draft(
    root: Path, folder: Folder, content: YamlFile, form: TableFormType, schema: Schema, problems: list[Problem]
) -> Draft:
    path = root / folder.path
    is_report = folder.name.layer is Layer.RPT
    flows: list[DraftFlow] = []
    for name in folder.flows:
        sql = _text(path / name, problems)
        if sql is not None:
            known = {} if isinstance(form, SourceForm) else schema
            analysis = analyse(sql, path / name, known, may_read_calendar=is_report)
            flows.append(DraftFlow(name.removesuffix(".sql"), path / name, sql, analysis))
    sql_checks = {}
    for name in folder.checks:
        file = path / CHECKS_FOLDER / name
        sql = _text(file, problems) or ""
        analysis = analyse(sql, file, schema, is_check=True)
        problems += analysis.problems
        alone = analysis.row_by_row and analysis.reads == (folder.name,)
        sql_checks[name] = SqlCheck(name.removesuffix(".sql"), file, sql, alone)
    return Draft.of(folder, content, form, tuple(flows), sql_checks)


def _model(draft: Draft) -> Model:
    flows = tuple(
        Flow(
            flow.name,
            flow.file,
            flow.sql,
            flow.analysis.reads,
            flow.analysis.outputs,
            draft.sequence(flow.name),
            time_columns=flow.analysis.time_columns,
            row_by_row=flow.analysis.row_by_row,
            made_of=flow.analysis.made_of,
        )
        for flow in draft.flows
    )
    return model_of(draft.name, draft.content.file, draft.form, flows, draft.sql_checks)
