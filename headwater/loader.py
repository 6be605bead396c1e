"""Loads a warehouse folder: reads every file, checks that all of it holds together, and gives the frozen models."""

from pathlib import Path

from headwater.layout import MARKETS_FILE, TABLE_FILE, Layout, scan
from headwater.model import Warehouse
from headwater.problem import HeadwaterError, InvalidWarehouse


def load(root: Path, cache: Path | None = None) -> Warehouse:
    """Load and check a warehouse folder.

    Args:
        root: The folder with the layers in it.
        cache: A file to remember the loaded warehouse in.

    Raises InvalidWarehouse with every problem found, and HeadwaterError when there is no such folder.
    """
    if not root.is_dir():
        raise HeadwaterError(
            f"There is no warehouse folder {root}",
            next_command="give one by --warehouse PATH or HEADWATER_WAREHOUSE",
        )
    return _read(scan(root))


def _read(layout: Layout) -> Warehouse:
    from headwater.assemble import columns_of, markets_of, model_of
    from headwater.declaration import MarketsForm
    from headwater.graph import in_dependency_order
    from headwater.model import Flow
    from headwater.query import analyse
    from headwater.tablefile import FORMS, read_form

    problems = list(layout.problems)
    markets = ()
    if layout.has_markets:
        file = layout.root / MARKETS_FILE
        _, form, found = read_form(file, file.read_text(), MarketsForm)
        problems += found
        markets = markets_of(form) if form else ()
    forms = {}
    for folder in layout.folders:
        file = layout.root / folder.path / TABLE_FILE
        _, form, found = read_form(file, file.read_text(), FORMS[folder.name.layer])
        problems += found
        if form:
            forms[folder] = form
    schema = {folder.name: columns_of(form) for folder, form in forms.items()}
    models = {}
    for folder, form in forms.items():
        path = layout.root / folder.path
        flows = []
        for sql_name in folder.flows:
            sql = (path / sql_name).read_text()
            reads, outputs = analyse(sql, path / sql_name, schema, form)
            name = sql_name.removesuffix(".sql")
            setting = form.flows.get(name) if hasattr(form, "flows") else None
            flows.append(Flow(name, path / sql_name, sql, reads, outputs, setting.sequence if setting else None))
        check_sql = {name: (path / "checks" / name).read_text() for name in folder.checks}
        models[folder.name] = model_of(folder.name, path / TABLE_FILE, form, tuple(flows), check_sql)
    if problems:
        raise InvalidWarehouse(tuple(problems))
    order = in_dependency_order({name: model.reads for name, model in models.items()})
    return Warehouse(layout.root, tuple(models[name] for name in order), markets)
