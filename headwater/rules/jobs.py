"""Rules of how a table's job runs: the range that it is scaled in, and the options that follow from it."""

from collections.abc import Callable, Iterator

from headwater.declaration import StreamForm
from headwater.draft import Draft
from headwater.problem import Problem

_PARALLELISM = ("job", "parallelism")
_KEY_GROUPS = "pipeline.max-parallelism"


def broken_rules(draft: Draft) -> Iterator[Problem]:
    """What is wrong in this table's `job`."""
    if isinstance(draft.form, StreamForm):
        for rule in _RULES:
            yield from rule(draft, draft.form)


def _range_is_one(draft: Draft, form: StreamForm) -> Iterator[Problem]:
    asked = form.job.parallelism
    if asked.min > asked.max:
        message = f"a range from {asked.min} to {asked.max} is empty"
        yield draft.at_value(*_PARALLELISM, "max", message=message, advice="Make min no greater than max.")
    elif asked.autoscale != "off" and asked.min == asked.max:
        message = f"there is nothing to scale between {asked.min} and {asked.max}"
        yield draft.at_value(*_PARALLELISM, "autoscale", message=message, advice="Make max greater than min.")


def _range_fits_the_state(draft: Draft, form: StreamForm) -> Iterator[Problem]:
    asked = form.job.parallelism
    said = form.job.options.get(_KEY_GROUPS, "")
    groups = int(said) if said.isdigit() else key_groups(asked.min)
    if asked.min <= asked.max and asked.max > groups:
        message = f"a job that starts with {asked.min} has its state in {groups} parts, and {asked.max} are more"
        advice = f"Lower max, or set {_KEY_GROUPS} in job.options; a job that has state already keeps its parts."
        yield draft.at_value(*_PARALLELISM, "max", message=message, advice=advice)


def _options_leave_the_range_alone(draft: Draft, form: StreamForm) -> Iterator[Problem]:
    if "parallelism.default" in form.job.options:
        message = "the option «parallelism.default» follows from «job.parallelism»"
        yield draft.at_key("job", "options", "parallelism.default", message=message, advice="Leave the option out.")


def key_groups(parallelism: int) -> int:
    """How many parts Flink divides keyed state into at a job's first start; a job never has more subtasks than that.

    https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/dev/datastream/execution/parallel/#setting-the-maximum-parallelism
    """
    half_more = parallelism + parallelism // 2
    return min(max(1 << (half_more - 1).bit_length(), 128), 1 << 15)


_RULES: tuple[Callable[[Draft, StreamForm], Iterator[Problem]], ...] = (
    _range_is_one,
    _range_fits_the_state,
    _options_leave_the_range_alone,
)
