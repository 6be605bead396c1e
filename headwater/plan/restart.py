"""When a plan is nothing but jobs started again, which needs nobody's decision."""

from headwater.plan.stages import Plan, SubmitJob, WaitHealthy
from headwater.problem import HeadwaterError


def need_plain_restart(plan: Plan) -> None:
    """See that a plan only starts jobs again, as they were, from their own state. An empty plan will do.

    A declaration may change between the moment when a start is asked for and the one when it is made; then it is a
    deployment, and that is for people to ask for.

    Raises HeadwaterError, naming what else the plan would do.
    """
    others = [stage for stage in plan.stages if not isinstance(stage, SubmitJob | WaitHealthy)]
    stateless = [stage for stage in plan.stages if isinstance(stage, SubmitJob) and not stage.needs_state]
    found = [
        *plan.refusals,
        *(stage.describe() for stage in (*others, *stateless)),
        *(f"{name} is declared otherwise than it ran" for name in plan.verdicts),
    ]
    if found:
        raise HeadwaterError(
            f"Nothing is started again by itself, since that takes a decision: {'; '.join(found)}",
            left="nothing was changed",
            next_command="headwater plan, then headwater apply",
        )
