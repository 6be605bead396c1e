"""Alerting: from each look at the stack to messages on their way."""

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from headwater.alerts.course import Sighting, advance
from headwater.alerts.incident import Change, Notice
from headwater.alerts.policy import NOTIFY_VARIABLE, Policy
from headwater.alerts.silence import Silence
from headwater.alerts.text import as_json, body, detail, title
from headwater.model import Warehouse
from headwater.stack import Stack
from resources.alerting import book as pages
from resources.alerting.addresses import LOG, Destination, addresses, variables_set
from resources.alerting.book import Book, Message
from resources.alerting.courier import Courier
from resources.alerting.dagster import settled_runs
from resources.alerting.facts import blind, conditions
from resources.alerting.notifier import Notifier, notifier
from resources.alerting.planned import planned
from resources.alerting.report import report
from resources.watch.consumer import OpenAlert
from resources.watch.picture import Picture

_END_SECONDS = 2.0

LOG_DESTINATION = Destination(LOG, LOG)


class Alerting:
    """Alerts of one stack. Everything that must outlive the process is in the book.

    Args:
        stack: Whose.
        environment: Where addresses are read from.
        notifier_of: What sends to a destination.
    """

    def __init__(
        self,
        stack: Stack,
        environment: Mapping[str, str] = os.environ,
        notifier_of: Callable[[Destination], Notifier] = notifier,
    ) -> None:
        self._stack = stack
        self._declared = Warehouse(stack.warehouse, ())
        self._environment = environment
        self._notifier_of = notifier_of
        self._book = Book.of(stack)
        self._salt = self._book.salt
        self._planned: tuple[Silence, ...] = ()
        self._couriers: dict[str, Courier] = {}

    def look(self, picture: Picture) -> None:
        """Take in a look at the stack; what is to be told is in the book when this returns, and on its way.

        Raises HeadwaterError when the book cannot be written: the next look finds the same.
        """
        is_first = not self._couriers
        declared = self._declared = picture.warehouse or self._declared
        policy = declared.alerts
        seen = self._sighting(picture, declared)
        recipients: list[Destination] = []
        with self._book.writing() as page:
            settled = pages.settle(page, settled_runs(picture.dagster), picture.at)
            runs = tuple(run for run in picture.dagster.runs if run.id not in settled)
            picture = replace(picture, dagster=replace(picture.dagster, runs=runs))
            seen = replace(seen, conditions=conditions(picture, self._stack, declared))
            incidents, notices = advance(pages.incidents(page), seen, policy, lambda: secrets.token_hex(3))
            pages.keep(page, incidents, picture.at)
            for notice in notices:
                told = self._recipients(
                    policy, notice, pages.told_before(page, (notice.incident.id, *notice.incident.absorbed))
                )
                pages.tell(page, message(notice, policy, picture.at), told, picture.at)
                recipients += told
        if is_first:
            # What an earlier process has left is sent by this one.
            recipients = destinations(policy, self._salt, self._environment)
            self._book.adopt(recipients)
        for destination in recipients:
            self._courier(destination).wake()

    def as_json(self) -> dict[str, Any]:
        """Everything for programs: {as_of, incidents, silences, unsent}."""
        return report(self._book, datetime.now(UTC))

    def open(self) -> Sequence[OpenAlert]:
        """What people have been told of, or would have been but for a silence, and is not over."""
        return tuple(
            OpenAlert(
                kind=incident.lead.condition.kind.value,
                subject=incident.lead.condition.subject,
                owner=detail(incident, "owner"),
                severity=incident.severity.value,
                since=incident.since,
                silenced=bool(incident.muted),
            )
            for incident in self._book.incidents()
            if incident.opened_at or incident.muted
        )

    def stop(self) -> None:
        """Begin no new delivery, and give those under way two seconds to end."""
        for courier in self._couriers.values():
            courier.stop()
        deadline = time.monotonic() + _END_SECONDS
        for courier in self._couriers.values():
            courier.await_end(max(0.0, deadline - time.monotonic()))

    def _sighting(self, picture: Picture, declared: Warehouse) -> Sighting:
        meant = planned(self._stack, declared, picture.at)
        # What was stopped a moment ago catches up still.
        self._planned = meant or tuple(silence for silence in self._planned if silence.until > picture.at)
        windows = tuple(each for window in declared.alerts.windows for each in window.silences(picture.at))
        silences = (*self._planned, *windows, *self._book.silences(picture.at))
        return Sighting(picture.at, (), blind(picture), silences)

    def _recipients(self, policy: Policy, notice: Notice, before: frozenset[str]) -> list[Destination]:
        """Who is to hear of it: by the routes, and whoever has heard of the incident before."""
        wanted = variables_set(policy.variables(notice.incident.conditions), self._environment)
        chosen = [LOG_DESTINATION, *addresses(wanted, self._salt, self._environment)]
        keys = {destination.key for destination in chosen}
        known = destinations(policy, self._salt, self._environment)
        return chosen + [each for each in known if each.key in before and each.key not in keys]

    def _courier(self, destination: Destination) -> Courier:
        courier = self._couriers.get(destination.key)
        if courier is None:
            courier = Courier(self._book, destination, self._notifier_of(destination))
            self._couriers[destination.key] = courier
            courier.start()
        return courier


def destinations(policy: Policy, salt: bytes, environment: Mapping[str, str] = os.environ) -> list[Destination]:
    """Every destination that is declared, and the log."""
    variables = (NOTIFY_VARIABLE, *(route.to for route in policy.routes))
    return [LOG_DESTINATION, *addresses(dict.fromkeys(variables), salt, environment)]


def message(notice: Notice, policy: Policy, at: datetime) -> Message:
    """A notice as it is sent."""
    incident = notice.incident
    content = {"change": notice.change.value, **as_json(incident)}
    over = {"state": "over"} if notice.change is Change.RESOLVED else {}
    text = body(notice, at, policy.zone)
    return Message(incident.id, notice.change.value, title(notice), text, incident.severity.value, content | over)
