"""A version for each job and report, which changes whenever the declarations behind it do."""

import hashlib
from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache

from headwater.compile.job import ENGINE_VERSION
from headwater.model import Column, JobOptions, Model, TableName


def code_versions(models: Iterable[Model]) -> Mapping[TableName, str]:
    """For each model that has flows, a hash that changes whenever the declarations behind its job or report change.

    It covers the model and what it reads, which must be among `models`: columns, formats, event times. It stands in
    for the job's fingerprint, which is only had by compiling the job; compiling all of them would cost more than all
    the rest of a load. Descriptions, owners, freshness and checks do not count: none of them touches the job. Nor does
    its parallelism, which changes while it runs.
    """
    models = tuple(models)
    interfaces = {model.name: _interface(model) for model in models}
    versions = {}
    for model in models:
        if model.flows:
            parts = [ENGINE_VERSION, interfaces[model.name], _described(model.storage), _of_job(model.job)]
            parts += [interfaces[name] for name in model.reads]
            for flow in model.flows:
                parts += [flow.name, flow.sequence or "", flow.sql]
            versions[model.name] = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
    return versions


def _interface(model: Model) -> str:
    columns = ";".join(map(_column, model.columns))
    return f"{model.name} {columns} {model.key} {model.partition_by} {model.topic} {_described(model.event_time)}"


def _of_job(job: JobOptions) -> str:
    return _described((job.state_ttl, job.checkpoint_interval, job.options))


@lru_cache(maxsize=1 << 12)
def _described(settings: Hashable) -> str:
    return repr(settings)


@lru_cache(maxsize=1 << 16)
def _column(column: Column) -> str:
    return f"{column.name} {column.type} {column.required}"
