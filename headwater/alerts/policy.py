"""When people are told, and who: what `alerts.yaml` declares."""

from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from headwater.alerts.condition import Condition, Kind, Severity
from headwater.alerts.silence import Window

NOTIFY_VARIABLE = "HEADWATER_NOTIFY"
"""The environment variable that holds the destinations of everything that no route takes."""

UTC = ZoneInfo("UTC")

# A run that failed has failed, and so has a check: there is nothing to wait for.
_AT_ONCE = (Kind.RUN, Kind.BACKFILL, Kind.CHECK)
# Files are edited some time before they are applied.
_DRIFT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Route:
    """Alerts that go somewhere of their own.

    Args:
        to: The environment variable that holds the addresses.
        owner: A pattern of owners; "" for whoever owns it.
        severity: The least that is sent there.
    """

    to: str
    owner: str = ""
    severity: Severity = Severity.WARNING

    def takes(self, condition: Condition) -> bool:
        """This condition's alert goes there."""
        owned = not self.owner or fnmatchcase(condition.owner, self.owner)
        return owned and condition.severity.rank >= self.severity.rank


@dataclass(frozen=True, slots=True)
class Policy:
    """How alerts are made of conditions.

    Args:
        hold: A condition must have held for so long before anyone is told; a flash is no alert.
        resolve_after: It is over when it has been gone for so long.
        repeat_every: What goes on is told again this often; None for never.
        zone: The zone that messages give times in.
        windows: Maintenance windows.
        routes: Who is told; what no route takes goes to HEADWATER_NOTIFY.
    """

    hold: timedelta = timedelta(seconds=20)
    resolve_after: timedelta = timedelta(seconds=60)
    repeat_every: timedelta | None = timedelta(hours=4)
    zone: ZoneInfo = UTC
    windows: tuple[Window, ...] = ()
    routes: tuple[Route, ...] = ()

    def hold_of(self, kind: Kind) -> timedelta:
        """How long a condition of this kind must have held."""
        if kind is Kind.DRIFT:
            return _DRIFT
        return timedelta(0) if kind in _AT_ONCE else self.hold

    def variables(self, conditions: tuple[Condition, ...]) -> tuple[str, ...]:
        """The environment variables whose addresses are told of an alert, each once.

        Those of every route that takes one of its conditions; HEADWATER_NOTIFY when none takes the first one, which is
        the nearest to the cause: who owns a table that suffers of a dead broker does not look after the broker.
        """
        taken = [route.to for route in self.routes if any(map(route.takes, conditions))]
        is_taken = any(route.takes(condition) for route in self.routes for condition in conditions[:1])
        return tuple(dict.fromkeys([*taken, *([] if is_taken else [NOTIFY_VARIABLE])]))
