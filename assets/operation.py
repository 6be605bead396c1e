"""One op for many assets, built so that it stays cheap at thousands of them."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.assets.job.asset_layer import AssetLayer
from dagster._core.definitions.decorators.op_decorator import DecoratedOpFunction
from dagster._core.definitions.dependency import NodeHandle
from dagster._core.definitions.output import OutputDefinition
from dagster._core.definitions.resource_requirement import OutputManagerRequirement, ResourceRequirement

Body = Callable[[dg.AssetExecutionContext], Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]]
CheckBody = Callable[[dg.AssetCheckExecutionContext], Iterator[dg.AssetCheckResult]]


def one_operation(
    name: str,
    body: Body,
    specs: Sequence[dg.AssetSpec],
    *,
    checks: Iterable[dg.AssetCheckSpec] = (),
    resources: Iterable[str] = (),
    pool: str | None = None,
    backfill_policy: dg.BackfillPolicy | None = None,
    description: str | None = None,
) -> dg.AssetsDefinition:
    """A subsettable multi-asset: a run executes `body` once, for the assets and checks that were selected.

    It differs from `dagster.multi_asset` in what it leaves out: an op input for every dependency. Inputs order
    the steps of one run; what these assets depend on is either never executed by Dagster (tables that a stream
    keeps, topics) or made by this very op, in the order that `body` takes. At 5,000 jobs that halves the load.
    """
    outputs: dict[str, dg.Out] = {}
    keys = {}
    for spec in specs:
        output = "__".join(spec.key.path)
        outputs[output] = _OUT
        keys[output] = spec.key
    check_specs = {}
    for check in checks:
        output = check.get_python_identifier()
        outputs[output] = _OUT
        check_specs[output] = check
    op = _op(name, body, outputs, resources=resources, pool=pool, description=description)
    return dg.AssetsDefinition(
        node_def=op,
        keys_by_input_name={},
        keys_by_output_name=keys,
        specs=specs,
        check_specs_by_output_name=check_specs,
        can_subset=True,
        backfill_policy=backfill_policy,
    )


def one_check_operation(
    name: str,
    body: CheckBody,
    checks: Iterable[dg.AssetCheckSpec],
    *,
    after: Iterable[dg.AssetKey] = (),
    resources: Iterable[str] = (),
    description: str | None = None,
) -> dg.AssetChecksDefinition:
    """The same for checks alone. It comes after the assets in `after`, when a run makes one of them."""
    check_specs = {check.get_python_identifier(): check for check in checks}
    inputs = {"__".join(key.path): key for key in after}
    op = _op(
        name,
        body,
        dict.fromkeys(check_specs, _OUT),
        inputs={name: dg.In(dg.Nothing) for name in inputs},
        resources=resources,
        description=description,
    )
    return dg.AssetChecksDefinition.create(
        keys_by_input_name=inputs, node_def=op, check_specs_by_output_name=check_specs, can_subset=True
    )


def _op(
    name: str,
    body: Body | CheckBody,
    outputs: Mapping[str, dg.Out],
    *,
    resources: Iterable[str],
    description: str | None,
    inputs: Mapping[str, dg.In] | None = None,
    pool: str | None = None,
) -> dg.OpDefinition:
    return _Operation(
        compute_fn=DecoratedOpFunction(body),
        name=name,
        ins=inputs,
        outs=outputs,
        description=description,
        required_resource_keys=set(resources),
        pool=pool,
    )


class _Operation(dg.OpDefinition):
    """An op that names the manager of its outputs once: it is the same for all, and Dagster asks several times over."""

    def get_resource_requirements(
        self, handle: NodeHandle | None, asset_layer: AssetLayer | None
    ) -> Iterator[ResourceRequirement]:
        for requirement in super().get_resource_requirements(handle, asset_layer):
            yield requirement
            if isinstance(requirement, OutputManagerRequirement):
                return  # outputs come last


class _SharedOut(dg.Out):
    """An output whose definition is copied from one prototype: resolving its type anew would take most of the time."""

    def to_definition(
        self, annotation_type: type, name: str | None, description: str | None, code_version: str | None
    ) -> OutputDefinition:
        definition = copy.copy(_PROTOTYPE)
        vars(definition)["_name"] = name
        return definition


_OUT = _SharedOut(dg.Nothing, is_required=False)
_PROTOTYPE = OutputDefinition(dg.Nothing, is_required=False)
