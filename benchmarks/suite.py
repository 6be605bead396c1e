"""Which benchmarks there are, and how they are run one after the other."""

import importlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import get_close_matches

from benchmarks.figure import Figure
from benchmarks.stand import Stand, Tell, own_stand, running_stand, scratch
from headwater.problem import HeadwaterError


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark of the suite.

    Args:
        id: Its name on the command line and in the results.
        title: What is compared, in a line.
        asks: The goal in words.
        module: Where its `measure` is; imported when it is run.
        on_stack: It runs on Kafka and Flink: `measure(stand, rounds)`. Otherwise `measure(folder, rounds, tell)`.
        minutes: How long five rounds take on a machine of two cores.
    """

    id: str
    title: str
    asks: str
    module: str
    on_stack: bool
    minutes: float


SUITE = (
    Benchmark(
        "B1",
        "records per second of a job started by the platform / the bare Flink job of the same SQL",
        "≥ 0.98",
        "benchmarks.throughput",
        True,
        7,
    ),
    Benchmark(
        "B2",
        "apply of one new job until it runs with a checkpoint / bare submission to the same state",
        "≤ 1.15",
        "benchmarks.submission",
        True,
        1,
    ),
    Benchmark(
        "B3",
        "full read of an append table through our reader / DuckDB on the same rows as plain Parquet",
        "≤ 1.3",
        "benchmarks.appendread",
        True,
        2,
    ),
    Benchmark(
        "B4",
        "full read of a key table, compacted; uncompacted with a tenth updated / the same",
        "≤ 1.5 ; ≤ 4",
        "benchmarks.keyread",
        True,
        3,
    ),
    Benchmark(
        "B5",
        "rows per second of an uncompacted key table through our reader / pypaimon with its native reader, rows equal",
        "≥ 4",
        "benchmarks.nativeread",
        True,
        3,
    ),
    Benchmark(
        "reader",
        "random tables made by Flink whose rows our reader gives otherwise than Flink's own SELECT; no ratios",
        "0",
        "benchmarks.readerrun",
        True,
        40,
    ),
    Benchmark(
        "tpch",
        "TPC-H's answers over tables made by Flink that differ from the published ones; its queries / plain Parquet",
        "0",
        "benchmarks.tpch",
        True,
        3,
    ),
    Benchmark(
        "B6",
        "event to query, p50 and p99 / checkpoint interval, at 1 s and 5 s",
        "≤ 0.75 ; ≤ 1.5",
        "benchmarks.visibility",
        True,
        3,
    ),
    Benchmark(
        "B8",
        "CPU of the platform while ten jobs run / CPU of Flink; and the daemon's and sensors' share of a core",
        "≤ 0.01 ; ≤ 0.15 core",
        "benchmarks.presence",
        False,
        16,
    ),
    Benchmark(
        "B9",
        "loading definitions of 1,000 and 5,000 models / a plain list of as many asset specifications",
        "≤ 1.5",
        "benchmarks.definitions",
        False,
        3,
    ),
    Benchmark(
        "B10",
        "one sweep over 1,000 tables for snapshot, watermark and lag / reading as many LATEST files",
        "≤ 2",
        "benchmarks.sweep",
        False,
        1,
    ),
    Benchmark(
        "B11",
        "parity of the reference warehouse's tables at rest / one batch run of each model",
        "≤ 1.2",
        "benchmarks.parity",
        False,
        8,
    ),
    Benchmark(
        "B12",
        "p99 of a get through the API / a bare get of the same store; answers that differ from the snapshot they name",
        "≤ 2 ; 0",
        "benchmarks.serving",
        False,
        8,
    ),
    Benchmark(
        "B13",
        "30 days by backfill / by replay through the stream; the stream's freshness meanwhile / before",
        "≤ 0.1 ; ≤ 1.2",
        "benchmarks.history",
        True,
        15,
    ),
    Benchmark(
        "B14",
        "verdicts on the corpus of edits that a real restore bears out, and edits falsely called compatible",
        "all ; 0",
        "benchmarks.verdicts",
        True,
        25,
    ),
    Benchmark(
        "fixtures",
        "the reference warehouse's fixtures per second on DuckDB / bare DuckDB, given the same statements",
        "no goal",
        "benchmarks.fixtures",
        False,
        0.5,
    ),
    Benchmark(
        "upgrade",
        "from stopping a changed job until its next version is healthy / stop and resume by hand",
        "no goal",
        "benchmarks.upgrade",
        True,
        1,
    ),
    Benchmark(
        "chaos",
        "faults in a row that the jobs survive, and rows that are lost or doubled by them; no ratios",
        "≥ 10 ; 0 ; 0",
        "benchmarks.chaos",
        False,
        25,
    ),
    Benchmark(
        "eventlog",
        "growth of Dagster's database by what the sensors tell of 100 tables and their jobs; no ratios",
        "no goal",
        "benchmarks.eventlog",
        False,
        2,
    ),
    Benchmark(
        "detection",
        "from a stall at a random hop to the alert / the promise that it breaks; alerts of another place or of nothing",
        "no goal ; 0 ; 0",
        "benchmarks.detection",
        False,
        130,
    ),
    Benchmark(
        "dashboard",
        "200 viewers at once: from a commit to their numbers, and the server's CPU and memory; no ratios",
        "no goal",
        "benchmarks.viewers",
        False,
        5,
    ),
    Benchmark(
        "parity",
        "200 comparisons of streamed tables with batch beside live traffic, and how many are wrong; no ratios",
        "0",
        "benchmarks.flapping",
        False,
        15,
    ),
    Benchmark(
        "up",
        "time of the first and of a later `headwater up`, and peak memory of the whole local stack; no ratios",
        "≤ 300 s ; ≤ 60 s ; ≤ 4.5 GB",
        "benchmarks.startup",
        False,
        6,
    ),
)


def chosen(names: Sequence[str]) -> tuple[Benchmark, ...]:
    """The benchmarks of these names, in the suite's order; all for none. Raises HeadwaterError for an unknown name."""
    known = {benchmark.id.lower(): benchmark for benchmark in SUITE}
    for name in names:
        if name.lower() not in known:
            near = get_close_matches(name.lower(), known, n=1)
            raise HeadwaterError(
                f"There is no benchmark {name}" + (f"; did you mean {known[near[0]].id}?" if near else ""),
                next_command="headwater bench --list",
            )
    wanted = {name.lower() for name in names} or known.keys()
    return tuple(benchmark for key, benchmark in known.items() if key in wanted)


def run(
    benchmarks: Sequence[Benchmark], rounds: int, tell: Tell, *, on_running_stack: bool = False
) -> Iterator[tuple[Benchmark, list[Figure]]]:
    """Run benchmarks one after the other; those that need Kafka and Flink share a stack, which ends before the others.

    Args:
        benchmarks: Which.
        rounds: How often each side is measured; medians of five say something, one only that it works.
        tell: Told what is being done.
        on_running_stack: Use the stack that runs instead of one of the suite's own.

    Raises HeadwaterError when a benchmark cannot be carried out; what came before it has been given.
    """
    together = [benchmark for benchmark in benchmarks if benchmark.on_stack]
    alone = [benchmark for benchmark in benchmarks if not benchmark.on_stack]
    if together:
        with ExitStack() as exits:
            stand: Stand = exits.enter_context(running_stand(tell) if on_running_stack else own_stand(tell))
            for benchmark in together:
                yield benchmark, importlib.import_module(benchmark.module).measure(stand, rounds)
    for benchmark in alone:
        with scratch() as folder:
            yield benchmark, importlib.import_module(benchmark.module).measure(folder, rounds, tell)
