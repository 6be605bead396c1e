"""What is done with each picture: the seam between looking and alerting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from resources.watch.picture import Picture


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that is open, as metrics show it.

    Args:
        kind: What sort of trouble: a word of few.
        subject: The table, job or process.
        owner: Whom it is told, or "".
        severity: `warning` or `error`.
        since: UTC.
        silenced: It is not told, on purpose.
    """

    kind: str
    subject: str
    owner: str
    severity: str
    since: datetime
    silenced: bool = False


class Consumer(Protocol):
    """Makes alerts of pictures."""

    def look(self, picture: Picture) -> None:
        """Take a picture in. Called in order, from one thread."""
        ...

    def open(self) -> Sequence[OpenAlert]:
        """The alerts that are open. Called from any thread."""
        ...

    def as_json(self) -> Mapping[str, Any]:
        """What `/alerts` answers with. Called from any thread."""
        ...


class NoAlerts:
    """For a process that only measures."""

    def look(self, picture: Picture) -> None:
        """See Consumer.look."""

    def open(self) -> Sequence[OpenAlert]:
        """See Consumer.open."""
        return ()

    def as_json(self) -> Mapping[str, Any]:
        """See Consumer.as_json."""
        return {"alerts": []}
