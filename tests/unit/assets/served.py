"""The small warehouse's definitions, as a module that a Dagster process can load."""

from pathlib import Path

from assets.graph import build_definitions
from headwater.stack import Ports, Stack
from tests.unit.assets.declared import ROOT, warehouse

defs = build_definitions(warehouse(), Stack(Path("home"), ROOT, Ports()))
