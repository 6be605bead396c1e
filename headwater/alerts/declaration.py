"""The form of alerts.yaml: when people are told, and who."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from headwater.alerts.condition import Severity
from headwater.alerts.policy import NOTIFY_VARIABLE, UTC, Policy, Route
from headwater.alerts.silence import WEEKDAYS, Window
from headwater.declaration import DurationText, Form, Text, TimeText, ZoneText, lasting
from headwater.duration import PATTERN, parse_duration

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _repeat(value: Any) -> timedelta | None:
    return None if value == "never" else parse_duration(str(value))


RepeatText = Annotated[
    timedelta | None,
    PlainValidator(_repeat),
    WithJsonSchema({"type": "string", "pattern": f"{PATTERN}|^never$", "examples": ["4h", "never"]}),
]


class WindowForm(Form):
    """A maintenance window: the same hours on some days of the week."""

    subjects: Annotated[tuple[Text, ...], Field(strict=False, min_length=1)] = Field(
        description="What nobody is told of: tables, processes, or kind:subject as in job:dwd.*; * and ? as in a shell."
    )
    begins: TimeText = Field(description="Time of day.")
    ends: TimeText = Field(description="Time of day; one that is not after `begins` is of the next day.")
    market: Text | None = Field(default=None, description="The market whose local time it is. Left out: `zone`.")
    zone: ZoneText | None = Field(default=None, description="The zone of the times, where no market is named.")
    days: Annotated[tuple[Day, ...], Field(strict=False)] = Field(
        default=(), description="Days of the week on which it begins. Left out: every day."
    )
    reason: str = Field(default="", description="Why, for whoever looks at a silenced alert.")

    @model_validator(mode="after")
    def _one_zone(self) -> Self:
        if self.market and self.zone:
            raise ValueError("a window has a market or a zone, not both")
        return self


class RouteForm(Form):
    """Alerts that go somewhere of their own."""

    to: Text = Field(description="The environment variable that holds the addresses. Never an address itself.")
    owner: str = Field(default="", description="Owners of tables, as a pattern. Left out: whoever owns it.")
    severity: Literal["warning", "error"] = Field(default="warning", description="The least that is sent there.")

    @model_validator(mode="after")
    def _no_address(self) -> Self:
        if not self.to.replace("_", "").isalnum() or self.to != self.to.upper():
            raise ValueError(
                "a route names an environment variable, in capitals, such as HEADWATER_NOTIFY_ORDERS; "
                "the address itself is a secret and stays out of files"
            )
        return self


class AlertsForm(Form):
    """alerts.yaml: when people are told of what is wrong, and who."""

    hold: DurationText = lasting(timedelta(seconds=20), "How long it must have held before anyone is told.")
    resolve_after: DurationText = lasting(timedelta(seconds=60), "It is over when it has been gone for so long.")
    repeat_every: RepeatText = lasting(
        timedelta(hours=4), "What goes on is told again this often; `never` for once only."
    )
    zone: ZoneText | None = Field(default=None, description="The zone that messages give times in. Left out: UTC.")
    windows: dict[str, WindowForm] = Field(default_factory=dict, description="Maintenance windows by name.")
    routes: Annotated[tuple[RouteForm, ...], Field(strict=False)] = Field(
        default=(), description=f"Who is told. What no route takes goes to {NOTIFY_VARIABLE}."
    )


def policy_of(form: AlertsForm, zones: Mapping[str, ZoneInfo]) -> Policy:
    """When people are told of what. The markets that windows name must be among the zones."""
    windows = tuple(
        Window(
            name,
            window.subjects,
            window.begins,
            window.ends,
            zones[window.market] if window.market else window.zone or UTC,
            tuple(WEEKDAYS.index(day) for day in window.days),
            window.reason,
        )
        for name, window in form.windows.items()
    )
    return Policy(
        form.hold,
        form.resolve_after,
        form.repeat_every,
        form.zone or UTC,
        windows,
        tuple(Route(route.to, route.owner, Severity(route.severity)) for route in form.routes),
    )
