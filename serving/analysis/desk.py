"""Where questions come in: each is answered by a process of its own, which is killed when it is slow."""

import asyncio
import contextlib
import json
import os
import pickle
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from headwater.problem import HeadwaterError
from serving.analysis.question import Busy, Question, Reply, TooLarge, TooSlow

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
"""What a worker knows of the environment: secrets are not among it."""

_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Worker:
    process: asyncio.subprocess.Process
    folder: Path


class Desk:
    """Answers questions; an async context manager. One worker stands ready, so that none waits for Python to start.

    Args:
        at_once: Questions that are answered at a time.
        waiting: Questions that wait for one of those to end; more are refused.
    """

    def __init__(self, at_once: int = 2, waiting: int = 8) -> None:
        self._room = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._inside = 0
        self._ready: _Worker | None = None
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> "Desk":
        self._ready = await _started()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._ready is not None:
            await _ended(self._ready)
            self._ready = None

    @property
    def stands_ready(self) -> int | None:
        """The process id of the worker that takes the next question."""
        return None if self._ready is None else self._ready.process.pid

    async def ask(self, question: Question) -> Reply:
        """Answer a question.

        Raises HeadwaterError for what is wrong with it, as `resources.query.answer` does; and as one of its kinds Busy,
        TooSlow and TooLarge.
        """
        if len(question.sql) > question.limits.text:
            raise TooLarge(
                f"The query has {len(question.sql):,} characters; at most {question.limits.text:,} are taken",
                next_command="write less at once",
            )
        if self._inside >= self._most:
            raise Busy(
                f"{self._inside} questions are being answered or wait already",
                next_command="ask again in a few seconds",
            )
        self._inside += 1
        try:
            async with self._room:
                return await self._answered(question)
        finally:
            self._inside -= 1

    async def _answered(self, question: Question) -> Reply:
        began = time.monotonic()
        worker = await self._take()
        try:
            await _greeted(worker)
            async with asyncio.timeout(question.limits.seconds):
                out, _ = await worker.process.communicate(pickle.dumps(question))
        except TimeoutError:
            raise TooSlow(
                f"The query did not end within {question.limits.seconds:g} s and was stopped",
                next_command="select fewer rows, partitions or columns, or group earlier",
            ) from None
        finally:
            await _ended(worker)
        return _read(out, worker.process.returncode, time.monotonic() - began)

    async def _take(self) -> _Worker:
        """The worker that stands ready; the next one is started at once."""
        async with self._starting:
            worker = self._ready or await _started()
            self._ready = await _started()
        if worker.process.returncode is None:
            return worker
        await _ended(worker)
        return await _started()


async def _started() -> _Worker:
    folder = Path(tempfile.mkdtemp(prefix="headwater-question-"))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "serving.analysis.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # What is spilled goes where the desk takes it away.
        cwd=folder,
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
    )
    return _Worker(process, folder)


async def _greeted(worker: _Worker) -> None:
    """Wait until it can take a question: what Python needs to start is not the question's time."""
    assert worker.process.stdout is not None
    async with asyncio.timeout(_START_SECONDS):
        await worker.process.stdout.readline()


async def _ended(worker: _Worker) -> None:
    with contextlib.suppress(ProcessLookupError):
        worker.process.kill()
    await worker.process.wait()
    shutil.rmtree(worker.folder, ignore_errors=True)


def _read(out: bytes, status: int | None, seconds: float) -> Reply:
    line, mark, arrow = out.partition(b"\n")
    if not mark:
        raise HeadwaterError(
            f"The process of the query ended with status {status} and said nothing",
            next_command="ask for less at once: it may have run out of memory",
        )
    told: dict[str, Any] = json.loads(line)
    if "failed" in told:
        kind = TooLarge if told["too_large"] else HeadwaterError
        raise kind(told["failed"], left=told["left"], next_command=told["next"])
    as_of = told["as_of"]
    return Reply(
        arrow,
        told["snapshots"],
        None if as_of is None else datetime.fromisoformat(as_of),
        told["rows"],
        told["truncated"],
        seconds,
        {table: datetime.fromisoformat(at) for table, at in told["watermarks"].items()},
    )
