"""Where things lie in a warehouse folder: which files there are, and which should not be there."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from headwater.model import Layer, TableName
from headwater.problem import Position, Problem
from headwater.shadow import SUFFIX

TABLE_FILE = "table.yaml"
MARKETS_FILE = "markets.yaml"
PRICES_FILE = "prices.yaml"
ALERTS_FILE = "alerts.yaml"
CHECKS_FOLDER = "checks"
TESTS_FOLDER = "tests"
QUERIES_FOLDER = "queries"
SERVING_FOLDER = "serving"
DASHBOARDS_FOLDER = "dashboards"
_INNER_FOLDERS = (CHECKS_FOLDER, TESTS_FOLDER)
_ROOT_FILES = (MARKETS_FILE, PRICES_FILE, ALERTS_FILE)
_LAYERS = tuple(layer.value for layer in Layer)
_NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")
_PRODUCT_FILE = re.compile(r"[a-z_][a-z0-9_]{0,63}\.yaml\Z")
_FLOW_NAME = re.compile(r"[a-z_][a-z0-9_]*\.sql\Z")
_DASHBOARD_NAME = re.compile(r"[a-z_][a-z0-9_]*\.yaml\Z")

Stamp = tuple[int, int]
"""When a file was last written (nanoseconds) and its size in bytes."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of one table: `<layer>/<name>/`, with its flows and the SQL of its checks by file name."""

    name: TableName
    path: str
    flows: tuple[str, ...]
    checks: tuple[str, ...]
    has_table_file: bool


@dataclass(slots=True)
class Layout:
    """What lies in a warehouse folder. `stamps` has every file that is read, by its path below the root.

    `products` are the files of serving/ without their ending, `dashboards` the paths of the files that declare one.
    """

    root: Path
    folders: list[Folder] = field(default_factory=list)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    dashboards: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    products: list[str] = field(default_factory=list)

    @property
    def has_markets(self) -> bool:
        """There is a markets.yaml."""
        return MARKETS_FILE in self.stamps

    @property
    def has_prices(self) -> bool:
        """There is a prices.yaml."""
        return PRICES_FILE in self.stamps

    @property
    def has_alerts(self) -> bool:
        """There is an alerts.yaml."""
        return ALERTS_FILE in self.stamps

    def refuse(self, path: str, message: str, advice: str) -> None:
        """Note that something lies where it should not."""
        self.problems.append(Problem(Position(self.root / path), message, advice))


def scan(root: Path) -> Layout:
    """List the folder. Reads no file. What cannot be told apart or is out of place becomes a problem."""
    layout = Layout(root)
    for entry in _entries(str(root)):
        if entry.is_dir():
            if entry.name in _LAYERS:
                _scan_layer(layout, Layer(entry.name), entry.path)
            elif entry.name == SERVING_FOLDER:
                _scan_serving(layout, entry.path)
            elif entry.name == DASHBOARDS_FOLDER:
                _scan_dashboards(layout, entry.path)
            elif entry.name != QUERIES_FOLDER:
                layout.refuse(entry.name, f"«{entry.name}» is not a layer", _layer_advice(entry.name))
        elif entry.name in _ROOT_FILES:
            layout.stamps[entry.name] = _stamp(entry)
        elif _is_yaml(entry.name):
            layout.refuse(
                entry.name, f"«{entry.name}» is not read", f"Call it {_meant(entry.name)}, or move it elsewhere."
            )
    layout.folders.sort(key=lambda folder: (_LAYERS.index(folder.name.layer.value), folder.name.table))
    return layout


def _entries(path: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(path) as entries:
        found = [entry for entry in entries if entry.name[0] not in "._" and not entry.name.endswith("~")]
    yield from sorted(found, key=lambda entry: entry.name)


def _stamp(entry: os.DirEntry[str]) -> Stamp:
    status = entry.stat()
    return status.st_mtime_ns, status.st_size


def _is_yaml(name: str) -> bool:
    return name.lower().endswith((".yaml", ".yml"))


def _layer_advice(name: str) -> str:
    near = get_close_matches(name.lower(), _LAYERS, n=1)
    return f"Did you mean {near[0]}?" if near else f"The layers are {', '.join(_LAYERS)}."


def _meant(name: str) -> str:
    stems = {Path(file).stem: file for file in _ROOT_FILES}
    near = get_close_matches(Path(name).stem.lower(), stems, n=1)
    return stems[near[0]] if near else " or ".join(_ROOT_FILES)


def _scan_layer(layout: Layout, layer: Layer, path: str) -> None:
    by_lower_name: dict[str, str] = {}
    for entry in _entries(path):
        below_root = f"{layer.value}/{entry.name}"
        if not entry.is_dir():
            if entry.name.endswith(".sql") or _is_yaml(entry.name):
                layout.refuse(
                    below_root,
                    f"«{entry.name}» lies beside the tables",
                    f"Put it in {layer.value}/<table>/{entry.name}.",
                )
            continue
        first = by_lower_name.setdefault(entry.name.lower(), entry.name)
        if first != entry.name:
            layout.refuse(
                below_root,
                f"{layer.value}.{entry.name} and {layer.value}.{first} are one name to a reader that ignores case",
                "Rename one of the two folders.",
            )
        elif not _NAME.match(entry.name):
            layout.refuse(
                below_root,
                f"«{entry.name}» cannot be a table's name",
                "Use lower-case letters, digits and underscores, not beginning with a digit.",
            )
        elif entry.name.endswith(SUFFIX):
            layout.refuse(
                below_root,
                f"«{entry.name}» ends in {SUFFIX}, as tables do that the platform rebuilds another one in",
                "Give it another name.",
            )
        else:
            _scan_table(layout, TableName(layer, entry.name), entry.path, below_root)


def _scan_serving(layout: Layout, path: str) -> None:
    for entry in _entries(path):
        below_root = f"{SERVING_FOLDER}/{entry.name}"
        if _PRODUCT_FILE.match(entry.name) and entry.is_file():
            layout.products.append(entry.name.removesuffix(".yaml"))
            layout.stamps[below_root] = _stamp(entry)
        elif entry.is_dir() or _is_yaml(entry.name):
            layout.refuse(
                below_root,
                f"«{entry.name}» is no product",
                "A product is a file <name>.yaml here: 64 lower-case letters, digits and underscores at most.",
            )


def _scan_table(layout: Layout, name: TableName, path: str, below_root: str) -> None:
    flows: list[str] = []
    checks: tuple[str, ...] = ()
    has_table_file = False
    for entry in _entries(path):
        place = f"{below_root}/{entry.name}"
        if entry.is_dir():
            if entry.name == CHECKS_FOLDER:
                checks = _scan_checks(layout, entry.path, place)
            elif entry.name not in _INNER_FOLDERS:
                layout.refuse(
                    place, f"the folder «{entry.name}» is not read", f"A table may have {CHECKS_FOLDER}/ and tests/."
                )
        elif entry.name == TABLE_FILE:
            has_table_file = True
            layout.stamps[place] = _stamp(entry)
        elif _is_yaml(entry.name):
            both = f"beside {TABLE_FILE}" if (Path(path) / TABLE_FILE).exists() else "here"
            layout.refuse(
                place, f"«{entry.name}» {both} is not read", f"A table is declared in one file, {TABLE_FILE}."
            )
        elif entry.name.lower().endswith(".sql"):
            if _FLOW_NAME.match(entry.name):
                flows.append(entry.name)
                layout.stamps[place] = _stamp(entry)
            else:
                layout.refuse(
                    place,
                    f"«{entry.name}» cannot be a flow's name",
                    "Use lower-case letters, digits and underscores before .sql.",
                )
    layout.folders.append(Folder(name, below_root, tuple(flows), checks, has_table_file))


def _scan_checks(layout: Layout, path: str, below_root: str) -> tuple[str, ...]:
    names: list[str] = []
    for entry in _entries(path):
        if entry.is_file() and entry.name.endswith(".sql"):
            names.append(entry.name)
            layout.stamps[f"{below_root}/{entry.name}"] = _stamp(entry)
    return tuple(names)


def _scan_dashboards(layout: Layout, path: str) -> None:
    for entry in _entries(path):
        below_root = f"{DASHBOARDS_FOLDER}/{entry.name}"
        if _DASHBOARD_NAME.match(entry.name):
            layout.dashboards.append(below_root)
            layout.stamps[below_root] = _stamp(entry)
        else:
            advice = "A dashboard is declared in <name>.yaml: lower-case letters, digits and underscores."
            layout.refuse(below_root, f"«{entry.name}» cannot be a dashboard's file", advice)
