"""The verdict on a change of a running model, as frozen values."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What becomes of the state and of the rows, mildest first."""

    UNCHANGED = "unchanged"
    COMPATIBLE = "compatible"
    MEANING_CHANGES = "compatible, meaning changes"
    REBUILD = "needs a rebuild"
    INCOMPATIBLE = "incompatible"

    @property
    def meaning(self) -> str:
        """The outcome in one sentence."""
        return _MEANINGS[self]

    @property
    def severity(self) -> int:
        """0 for the mildest."""
        return list(Outcome).index(self)

    @property
    def keeps_state(self) -> bool:
        """The job may go on from its state."""
        return self in (Outcome.UNCHANGED, Outcome.COMPATIBLE, Outcome.MEANING_CHANGES)


_MEANINGS = {
    Outcome.UNCHANGED: "the job goes on as it was",
    Outcome.COMPATIBLE: "goes on from its state; the rows are those that the new SQL would always have given",
    Outcome.MEANING_CHANGES: "goes on from its state; rows written from now on follow the new SQL, those before stay",
    Outcome.REBUILD: "its state would be misread or is of no use, so rows written from now on would be wrong",
    Outcome.INCOMPATIBLE: "the table as it is cannot take what is declared",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One edit and what it does.

    Args:
        outcome: What this edit alone would mean.
        operator: The operator it touches, as people know it: `GroupAggregate`, `source ods.orders`, `table`.
        edit: What was changed, in words.
    """

    outcome: Outcome
    operator: str
    edit: str

    def __str__(self) -> str:
        return f"{self.operator}: {self.edit}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What deploying a changed model means.

    Args:
        findings: Each edit that was found, the gravest first.
        kept: The operators that go on from their state, as people know them.
        is_same: Not even a name differs.
    """

    findings: tuple[Finding, ...] = ()
    kept: tuple[str, ...] = ()
    is_same: bool = False

    @property
    def outcome(self) -> Outcome:
        """The gravest of all edits; several at once are no milder than one."""
        if not self.findings:
            return Outcome.UNCHANGED if self.is_same else Outcome.COMPATIBLE
        return max((finding.outcome for finding in self.findings), key=lambda outcome: outcome.severity)

    def because(self, outcome: Outcome) -> tuple[Finding, ...]:
        """The edits with this outcome."""
        return tuple(finding for finding in self.findings if finding.outcome is outcome)
