"""Jobs that run on the platform's cluster and that no model declares."""

from collections.abc import Iterable

from headwater.engines import ActualJob
from headwater.model import Warehouse
from headwater.shadow import is_shadow


def undeclared_jobs(warehouse: Warehouse, jobs: Iterable[ActualJob]) -> tuple[ActualJob, ...]:
    """The platform's jobs that no model declares any more, or that are kept by batch now; not those of shadows."""
    return tuple(
        job
        for job in jobs
        if not is_shadow(job.model) and (job.model not in warehouse or not warehouse.model(job.model).is_streaming)
    )
