"""A copy of the reference warehouse with topics of its own and a checkpoint interval of the benchmark's choice."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.stand import WAREHOUSE
from headwater.layout import TABLE_FILE
from headwater.model import TableName


def declare(target: Path, *, topics: str, checkpoints: str, models: Sequence[TableName]) -> Path:
    """Write the copy; give its folder.

    Args:
        target: Made anew.
        topics: Put before every topic's name, so that a stack's own topics stay as they are.
        checkpoints: The interval of these models' jobs, as a declaration spells it: `200ms`, `1s`.
        models: Which jobs take that interval.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(WAREHOUSE, target)
    for file in target.glob(f"ods/*/{TABLE_FILE}"):
        content = yaml.safe_load(file.read_text())
        content["topic"]["name"] = topics + content["topic"]["name"]
        _write(file, content)
    for name in models:
        file = target / name.layer.value / name.table / TABLE_FILE
        content = yaml.safe_load(file.read_text())
        content["job"] = {**content.get("job", {}), "checkpoint_interval": checkpoints}
        _write(file, content)
    return target


def _write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
