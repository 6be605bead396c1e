"""What Dagster's web server is asked, as GraphQL; Dagster does not promise that its schema stays as it is."""

import json
from collections.abc import Sequence

CheckKey = tuple[tuple[str, ...], str]
"""An asset's path, and the name of a check on it."""

_TICK = "ticks(limit: 1) { timestamp status error { message } }"
_RUN = "runId jobName status endTime tags { key value } assetSelection(limit: 20) { path }"

# One query per look. What moves slowly, and takes the web server most of its time, is asked for with `all` alone.
_LOOK = (
    "query Look($failedAfter: Float!, $endedAfter: Float!, $all: Boolean!) {"
    " instance { daemonHealth { allDaemonStatuses {"
    " daemonType healthy required lastHeartbeatTime lastHeartbeatErrors { message } } } }"
    " workspaceOrError { ... on PythonError { message } ... on Workspace { locationEntries {"
    " name loadStatus updatedTimestamp locationOrLoadError { __typename"
    " ... on PythonError { message }"
    " ... on RepositoryLocation { repositories {"
    f" sensors {{ name minIntervalSeconds sensorState {{ status {_TICK} }} }}"
    f" schedules @include(if: $all) {{ name scheduleState {{ status {_TICK} }} }}"
    " } } } } } }"
    " failed: runsOrError(filter: {statuses: [FAILURE], updatedAfter: $failedAfter}, limit: 50) {"
    f" ... on Runs {{ results {{ {_RUN} }} }} }}"
    " ended: runsOrError(filter: {statuses: [SUCCESS, FAILURE, CANCELED], updatedAfter: $endedAfter}, limit: 200) {"
    f" ... on Runs {{ results {{ {_RUN} }} }} }}"
    " backfills: partitionBackfillsOrError(limit: 20, filters: {statuses: [FAILED, COMPLETED_FAILED],"
    " createdAfter: $failedAfter}) { ... on PartitionBackfills { results { id } } }"
    " %s }"
)

# Asked once for each loading of the definitions.
CHECKS = (
    "query Checks { assetNodes { assetKey { path } hasAssetChecks"
    " assetChecksOrError { ... on AssetChecks { checks { name } } } } }"
)


def look(checks: Sequence[CheckKey]) -> str:
    """The query of one look: with the newest evaluation of these checks, as `c0`, `c1`, …"""
    return _LOOK % " ".join(
        f"c{number}: assetCheckExecutions(assetKey: {{path: {json.dumps(path)}}}, checkName: {json.dumps(name)},"
        " limit: 1) { status timestamp evaluation { success severity description } }"
        for number, (path, name) in enumerate(checks)
    )


def why(runs: Sequence[str]) -> str:
    """Why these runs failed, as `r0`, `r1`, …: asked once for each run."""
    events = (
        "events { ... on ExecutionStepFailureEvent { error { message causes { message } } }"
        " ... on RunFailureEvent { message error { message } } }"
    )
    logs = (
        f"r{number}: logsForRun(runId: {json.dumps(run)}) {{ ... on EventConnection {{ {events} }} }}"
        for number, run in enumerate(runs)
    )
    return f"query Why {{ {' '.join(logs)} }}"
