"""Where all viewers' questions go: one desk, one audit log, and the answers that can be looked at once more."""

import asyncio
import contextlib
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from http import HTTPStatus

from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.query import parse_moments
from serving.analysis.desk import Desk
from serving.analysis.question import Limits, Question, Reply, TooLarge, status_of
from serving.audit import Audit
from serving.dashboard.settings import Askers

ADDRESS = "/sql"
LIMITS = Limits(answer_bytes=16 << 20)

_KEPT_BYTES = 96 << 20
_KEPT_SECONDS = 900.0
_STOPPED = 499
"""As several servers write a request down whose client went away; HTTP itself has no number for it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks.

    Args:
        user: Who, "" where nobody is asked who they are.
        client: From which address.
        sql: One SELECT.
        at: As `headwater query --at`, several with commas between them; "" for the newest snapshots.
    """

    user: str
    client: str
    sql: str
    at: str = ""


@dataclass(frozen=True, slots=True)
class _Kept:
    user: str
    reply: Reply
    until: float


class Room:
    """Questions of the dashboard's viewers.

    Args:
        stack: What they ask about.
        askers: Who may.
        seconds: How long one question may take.
    """

    def __init__(self, stack: Stack, askers: Askers, seconds: float = LIMITS.seconds) -> None:
        self.askers = askers
        self.limits = replace(LIMITS, seconds=seconds)
        self.stack = stack
        self.audit = Audit(stack.home / "dashboard" / "audit.jsonl")
        self._desk = Desk()
        self._flushing: asyncio.Task[None] | None = None
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def open(self) -> None:
        """Begin. Nothing is started where nobody may ask."""
        if self.askers.is_nobody:
            return
        await self._desk.__aenter__()
        self._flushing = asyncio.create_task(self.audit.flush_each_second())

    async def close(self) -> None:
        """End, with everything written down."""
        if self._flushing is None:
            return
        self._flushing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._flushing
        self.audit.flush()
        await self._desk.__aexit__()

    @property
    def is_open(self) -> bool:
        """Questions are answered."""
        return self._flushing is not None

    async def ask(self, asked: Asked) -> tuple[str, Reply]:
        """Answer a question; the text is what its answer is asked for by again. One that is cancelled ends at once.

        Raises HeadwaterError as the desk does, and for an `at` that means nothing.
        """
        began = time.perf_counter()
        status, rows = HTTPStatus.INTERNAL_SERVER_ERROR.value, 0
        try:
            reply = await self._desk.ask(self._question(asked))
            status, rows = HTTPStatus.OK.value, reply.rows
            return self.keep(asked.user, reply), reply
        except HeadwaterError as error:
            status = status_of(error).value
            raise
        except asyncio.CancelledError:
            status = _STOPPED
            raise
        finally:
            self._note(asked.user, asked.client, asked.sql, status, rows, time.perf_counter() - began)

    def refuse(self, user: str, client: str) -> None:
        """Note that somebody wanted to ask who may not."""
        if not self.askers.is_nobody:
            self._note(user, client, "", HTTPStatus.FORBIDDEN.value)

    def keep(self, user: str, reply: Reply) -> str:
        """Keep an answer for who had it, a quarter of an hour at most; the text is what it is asked for by."""
        token = secrets.token_urlsafe(18)
        self._kept[token] = _Kept(user, reply, time.monotonic() + _KEPT_SECONDS)
        self._forget()
        return token

    def answer(self, token: str, user: str) -> Reply | None:
        """An answer of before, for who had it; None when it is not kept any more."""
        self._forget()
        kept = self._kept.get(token)
        return kept.reply if kept is not None and kept.user == user else None

    def _note(self, user: str, client: str, sql: str, status: int, rows: int = 0, seconds: float = 0.0) -> None:
        self.audit.note(
            key=user,
            client=client,
            method="POST",
            target=f"{ADDRESS} {sql}".strip(),
            count=rows,
            status=status,
            snapshot=0,
            seconds=seconds,
        )

    def _question(self, asked: Asked) -> Question:
        if len(asked.at) > self.limits.text:
            raise TooLarge("There is more said of the time than can be read", next_command="name fewer tables")
        texts = [text.strip() for text in asked.at.split(",") if text.strip()]
        try:
            at = parse_moments(texts)
        except ValueError as error:
            raise HeadwaterError(f"Read at: {error}", next_command="correct it, or leave it empty for now") from None
        return Question(asked.sql, self.stack, at, self.limits)

    def _forget(self) -> None:
        """The oldest go first: their time is over, or all together take too much room."""
        size = sum(len(kept.reply.arrow) for kept in self._kept.values())
        now = time.monotonic()
        while self._kept:
            oldest = next(iter(self._kept.values()))
            if oldest.until > now and size <= _KEPT_BYTES:
                return
            size -= len(oldest.reply.arrow)
            self._kept.popitem(last=False)
