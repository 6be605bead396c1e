"""A message to every destination, to see whether it arrives."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from headwater.alerts.policy import NOTIFY_VARIABLE, Policy
from resources.alerting.addresses import Destination, addresses
from resources.alerting.book import Message
from resources.alerting.notifier import Notifier, notifier

_MESSAGE = Message(
    incident="test",
    change="test",
    title="test: Headwater sends its alerts here",
    body="what:     nothing is wrong; this is a message that somebody asked for\nasked by: headwater alerts test",
    severity="warning",
    content={"id": "test", "change": "test", "state": "test"},
)


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one destination's message.

    Args:
        variable: The environment variable that holds the address.
        name: The destination's name; "" when the variable holds none.
        error: Why it was not taken, or "".
    """

    variable: str
    name: str
    error: str


def trial(
    policy: Policy,
    environment: Mapping[str, str] = os.environ,
    notifier_of: Callable[[Destination], Notifier] = notifier,
) -> tuple[Tried, ...]:
    """Send a message to every destination that is declared, one after the other, and wait for what comes of it."""
    tried: list[Tried] = []
    for variable in dict.fromkeys((NOTIFY_VARIABLE, *(route.to for route in policy.routes))):
        found = addresses([variable], b"", environment)
        if not found:
            takes_over = "" if variable == NOTIFY_VARIABLE else f"; {NOTIFY_VARIABLE} gets what it should"
            tried.append(Tried(variable, "", f"the environment variable is not set{takes_over}"))
        tried += [Tried(variable, each.name, notifier_of(each).send(_MESSAGE)) for each in found]
    return tuple(tried)
