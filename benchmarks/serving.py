"""B12: a row by key through the API, beside the same row got from the same store by the least that speaks HTTP."""

import time
from pathlib import Path

import orjson
import psutil

from benchmarks.figure import Figure, Goal
from benchmarks.served import await_answer, process, redis, redis_get
from benchmarks.stand import Tell, own_stack
from benchmarks.wrk import Load, load
from benchmarks.wronganswers import wrong_answers
from headwater.loader import load as load_warehouse
from headwater.serving.address import encode
from headwater.serving.position import Position
from headwater.serving.product import Product
from headwater.serving.stored import Row, pack
from headwater.stack import Stack
from resources.apikeys import KeyFile, file_of
from resources.keyvalue.choice import folder
from resources.keyvalue.embedded import EmbeddedFeederStore
from resources.local.ports import free_ports

_PRODUCT = "kpi"
_ROWS = 100_000
_SECONDS = 2.0
_TURNS = 3
"""Pairs in a round: a busy host lifts a p99 for some seconds, and many short turns even that out over both sides."""
_CONNECTIONS = 8
_LADDER = (1, 2, 4, 8, 12, 16, 24, 32, 48)
_LADDER_SECONDS = 3.0
_MOST_P99 = 0.005


def measure(scratch: Path, rounds: int, tell: Tell) -> list[Figure]:
    """Latency, throughput of a core, and answers that are not what the table holds."""
    stack = own_stack(scratch / "b12")
    bare_port = free_ports().dagster
    tell(f"B12: a store of {_ROWS:,} rows")
    product = load_warehouse(stack.warehouse).product(_PRODUCT)
    key, row = _fill(stack, product)
    _, token = KeyFile(file_of(stack)).create("B12", rate=1e9)
    header = f"Authorization: Bearer {token}"
    ours_url = f"{stack.api_url}/v1/{_PRODUCT}/m7/c1/v1"
    bare_url = f"http://127.0.0.1:{bare_port}/"
    store = str(folder(stack))
    with (
        process(stack, "serving.api") as api,
        process(stack, "benchmarks.bareget", store, key.hex(), str(bare_port)) as bare,
    ):
        await_answer(ours_url, {"authorization": f"Bearer {token}"})
        await_answer(bare_url)
        ours: list[Load] = []
        reference: list[Load] = []
        turns = rounds * _TURNS
        for number in range(turns + 1):
            tell(f"B12: turn {number} of {turns}" if number else "B12: a turn that does not count")
            pair = load(ours_url, _CONNECTIONS, _SECONDS, (header,)), load(bare_url, _CONNECTIONS, _SECONDS)
            if number:
                ours.append(pair[0])
                reference.append(pair[1])
        rates: list[tuple[float, float]] = []
        for number in range(1, rounds + 1):
            tell(f"B12: requests of a core, round {number} of {rounds}")
            rates.append((_rate(ours_url, api.pid, (header,)), _rate(bare_url, bare.pid, ())))
    context = _context(stack, row, tell)
    tell("B12: answers against snapshots")
    wrong = [wrong_answers(scratch / f"b12-{number}", tell) for number in range(rounds)]
    return _figures(ours, reference, rates, context, wrong)


def _fill(stack: Stack, product: Product) -> tuple[bytes, bytes]:
    """Store rows of the product; give the key of one as the store has it, and what callers see of it."""
    now = int(time.time() * 1000)
    asked: tuple[bytes, bytes] | None = None
    store = EmbeddedFeederStore(folder(stack))
    with store.loading(product.name) as loading:
        rows: dict[bytes, bytes] = {}
        for number in range(_ROWS):
            values = (f"m{number // 1000}", f"c{number // 100 % 10}", f"v{number % 100}")
            shown = {column.name: value for column, value in zip(product.key, values, strict=True)}
            shown |= {column.name: str(number) for column in product.columns}
            address, body = encode(values, product.key), orjson.dumps(shown)
            rows[address] = pack(Row(b"\1", b"", body))
            if values == ("m7", "c1", "v1"):
                asked = address, body
        loading.put(rows)
        loading.finish(None, Position(1, now, now, product.shape).encode())
    store.close()
    assert asked is not None
    # As the store lays a first loading out (resources.keyvalue.embedded).
    return b"r" + product.name.encode() + b"\0" + b"\0\0\0\1" + asked[0], asked[1]


def _rate(url: str, server: int, headers: tuple[str, ...]) -> float:
    """Requests a second and core of the server, at the most connections that leave the p99 at five milliseconds."""
    best = 0.0
    for connections in _LADDER:
        before, began = _cpu(server), time.monotonic()
        found = load(url, connections, _LADDER_SECONDS, headers)
        busy = (_cpu(server) - before) / (time.monotonic() - began)
        if found.p99 > _MOST_P99:
            break
        best = max(best, found.rate / max(busy, 0.01))
    return best


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def _context(stack: Stack, row: bytes, tell: Tell) -> str:
    """Redis' own benchmark of a GET of the same row, in words."""
    port = free_ports().kafka
    with redis(port, stack.home) as there:
        if not there:
            return "Redis is not installed here"
        tell("B12: Redis, for context")
        return f"a GET of the same row by Redis' own benchmark, without HTTP: p99 {redis_get(port, row) * 1000:.2f} ms"


def _figures(
    ours: list[Load],
    reference: list[Load],
    rates: list[tuple[float, float]],
    context: str,
    wrong: list[tuple[int, int, int]],
) -> list[Figure]:
    note = (
        f"{_CONNECTIONS} connections by wrk, one thread; ours asks for a key, checks scope and rate, keeps an audit; "
        f"the reference reads the same key of the same store under the same uvicorn; {context}"
    )
    counted = sum(answers for _, answers, _ in wrong), sum(snapshots for _, _, snapshots in wrong)
    return [
        Figure(
            "B12",
            "p99 of a get",
            "ms",
            tuple(each.p99 * 1000 for each in ours),
            tuple(each.p99 * 1000 for each in reference),
            Goal(2),
            note,
        ),
        Figure(
            "B12",
            "requests of a core at p99 ≤ 5 ms",
            "requests/s",
            tuple(ours_rate for ours_rate, _ in rates),
            tuple(bare_rate for _, bare_rate in rates),
            None,
            "requests a second, divided by the cores that the server took",
        ),
        Figure(
            "B12",
            "wrong answers under concurrent writes",
            "answers",
            tuple(float(found) for found, _, _ in wrong),
            (),
            Goal(0),
            f"{counted[0]:,} answers from {counted[1]:,} snapshots, each held against the table at that snapshot; "
            "the feeder is killed (-9) twice a round",
        ),
    ]
