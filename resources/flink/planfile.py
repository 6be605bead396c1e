"""Compiled plans, exchanged with the SQL gateway through a file: the only way that it takes and gives them."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.compile.job import JobSpec
from headwater.compile.operator_ids import Plan
from headwater.compile.text import file_uri, literal
from resources.flink.gateway import Session


@contextmanager
def plan_file() -> Iterator[Path]:
    """A file to exchange a plan with the gateway: it misreads plan paths with spaces, which a state folder may have."""
    with tempfile.TemporaryDirectory(prefix="headwater-plan-") as folder:
        yield Path(folder) / "plan.json"


def compiled(session: Session, job: JobSpec, file: Path) -> Plan:
    """The job's plan, as Flink numbers it."""
    session.execute(f"COMPILE PLAN {literal(file_uri(file))} FOR {job.insert}")
    return json.loads(file.read_text())


def executed(session: Session, plan: Plan, file: Path, settings: dict[str, str]) -> str:
    """Start a compiled plan; give the job's id."""
    file.write_text(json.dumps(plan))
    return session.execute(f"EXECUTE PLAN {literal(file_uri(file))}", settings)["jobID"]
