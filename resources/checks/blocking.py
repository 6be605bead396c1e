"""Checks that stop reports: while one fails at a table, no report is made of it.

The report's run looks at what the newest evaluation found, whoever made it and in whatever run. (Dagster's own
`blocking` stops what follows in the same run only, and checks of streams have runs of their own.)
"""

from headwater.model import Model
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.checks.examine import newest_outcomes
from resources.checks.memory import recall
from resources.declarations import warehouse


def refuse_blocked(stack: Stack, report: Model) -> None:
    """Raise HeadwaterError when a blocking check of a table that the report reads has failed, and not passed since."""
    for name in report.reads:
        if all(entry.outcome["passed"] for entry in recall(stack.home, name).values()):
            continue
        declared = warehouse(stack)
        if name not in declared:
            continue
        for outcome in newest_outcomes(stack, declared.model(name)):
            if outcome.check.blocking and not outcome.passed:
                raise HeadwaterError(
                    f"{report.name} is not made: the blocking check {outcome.check.name} of {name} failed at snapshot"
                    f" {outcome.snapshot}, {outcome.failing:,} {outcome.counted} ({outcome.check.asks})",
                    left="nothing was written; the report's earlier partitions are as they were",
                    next_command=f"mend {name}, then headwater check {name}, and make the report again",
                )
