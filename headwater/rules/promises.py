"""Rules of promises: whether what a table promises can be kept, given what the tables above it promise."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from headwater.declaration import ReportForm, StreamForm
from headwater.draft import Draft
from headwater.duration import format_duration
from headwater.graph import in_dependency_order
from headwater.model import TableName
from headwater.problem import Problem

Drafts = Mapping[TableName, Draft]


@dataclass(frozen=True, slots=True)
class _Allowed:
    """How old a table's newest data may be without a promise above it being broken, and how that is made up."""

    age: timedelta = timedelta(0)
    sum: str = ""

    def through(self, draft: Draft, form: StreamForm) -> "_Allowed":
        """What it comes to below a job, as far as its checkpoints are declared."""
        interval = form.job.checkpoint_interval
        if interval is None:
            return self
        step = f"a checkpoint of {draft.name} comes every {format_duration(interval)}"
        return _Allowed(self.age + interval, f"{self.sum}, {step}" if self.sum else step)


def broken_rules(drafts: Drafts) -> Iterator[Problem]:
    """Promises that cannot be kept, each with the arithmetic."""
    reads = {
        name: tuple(dict.fromkeys(read for flow in draft.flows for read in flow.analysis.reads if read in drafts))
        for name, draft in drafts.items()
    }
    allowed: dict[TableName, _Allowed] = {}
    for name in in_dependency_order(reads):
        draft = drafts[name]
        above = max((allowed[read] for read in reads[name] if read in allowed), default=_Allowed(), key=_age)
        if isinstance(draft.form, StreamForm):
            allowed[name] = above.through(draft, draft.form)
            yield from _stream_can_keep(draft, draft.form, allowed[name])
            if draft.form.freshness is not None:
                allowed[name] = _Allowed(
                    draft.form.freshness.fail_after,
                    f"{name} promises {format_duration(draft.form.freshness.fail_after)}",
                )
        elif isinstance(draft.form, ReportForm):
            yield from _report_can_keep(draft, draft.form, above)


def _age(allowed: _Allowed) -> timedelta:
    return allowed.age


def _stream_can_keep(draft: Draft, form: StreamForm, allowed: _Allowed) -> Iterator[Problem]:
    if form.freshness is not None and form.freshness.fail_after < allowed.age:
        promised, least = format_duration(form.freshness.fail_after), format_duration(allowed.age)
        message = f"{draft.name} cannot promise {promised}: {allowed.sum}; together {least}"
        advice = f"Promise {least} or more here, or less above."
        yield draft.at_value("freshness", "fail_after", message=message, advice=advice)


def _report_can_keep(draft: Draft, form: ReportForm, allowed: _Allowed) -> Iterator[Problem]:
    at = form.schedule.at
    midnight = datetime.combine(date.min, at) - datetime.combine(date.min, datetime.min.time())
    if allowed.age > midnight:
        message = f"at {at:%H:%M} the day before may not be complete: {allowed.sum}"
        advice = f"Make the report {format_duration(allowed.age)} after midnight or later, or promise less above."
        yield draft.at_value("schedule", "at", message=message, advice=advice)
    if form.freshness is not None and form.freshness.by <= at:
        message = f"{draft.name} is promised by {form.freshness.by:%H:%M}, and made at {at:%H:%M}"
        yield draft.at_value("freshness", "by", message=message, advice="Promise it for later, or make it earlier.")
