"""Runs of a running stack's Dagster, as its page starts and shows them."""

import json
import os
import signal
from typing import Any

import httpx

from headwater.stack import Stack
from tests.integration.waiting import eventually

_LAUNCH = """
mutation ($run: ExecutionParams!) {
  launchPipelineExecution(executionParams: $run) { ... on LaunchRunSuccess { run { runId } } }
}"""
_LOG = """
query ($run: ID!) {
  runOrError(runId: $run) { ... on Run { status } }
  logsForRun(runId: $run) { ... on EventConnection { events { ... on MessageEvent { message } } } }
}"""


class Runs:
    """The runs of one stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def launch(self, *key: str) -> str:
        """Materialise an asset; give the run's id."""
        selector = {
            "repositoryName": "__repository__",
            "repositoryLocationName": "assets.definitions",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": list(key)}],
            "assetCheckSelection": [],
        }
        answer = self._ask(_LAUNCH, run={"selector": selector, "runConfigData": {}, "mode": "default"})
        return answer["launchPipelineExecution"]["run"]["runId"]

    def status(self, run: str) -> str:
        """A run's status."""
        return self._ask(_LOG, run=run)["runOrError"]["status"]

    def messages(self, run: str) -> list[str]:
        """What a run has said so far."""
        events = self._ask(_LOG, run=run)["logsForRun"]["events"]
        return [event["message"] for event in events if "message" in event]

    def await_end(self, run: str) -> str:
        """Wait until a run has ended; give its status."""
        ended = ("SUCCESS", "FAILURE", "CANCELED")
        eventually(lambda: self.status(run) in ended, lambda: f"the run to end: {self.messages(run)[-3:]}", seconds=300)
        return self.status(run)

    def kill_at(self, run: str, stage: str) -> None:
        """Kill the run's process when it tells of that stage, while it holds the apply lock."""
        said = lambda: any(message.startswith(stage) for message in self.messages(run))  # noqa: E731
        eventually(said, lambda: f"the run to come to «{stage}»: {self.messages(run)[-3:]}", seconds=300)
        holder = json.loads((self._stack.home / "run" / "apply.holder").read_text())
        os.kill(holder["pid"], signal.SIGKILL)

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        return httpx.post(f"{self._stack.dagster_url}/graphql", json=body, timeout=60).json()["data"]
