"""The jars that no Python package carries: what they are, fetching them, and checking that they are the right ones.

`jars.lock` names every jar with its size and SHA-256. Each is fetched as a plain artifact, so nothing is resolved at
run time. `python -m resources.jars lock` writes the file anew from the lists below.
"""

import hashlib
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headwater.problem import HeadwaterError
from headwater.stack import Stack

LOCK_FILE = Path(__file__).parent.parent / "jars.lock"
FOLDER_VARIABLE = "HEADWATER_JARS"

PLAIN = {
    "flink/opt": ("org.apache.flink:flink-sql-gateway:2.0.0",),
    "flink/lib": (
        "org.apache.paimon:paimon-flink-2.0:2.0.0",
        "org.apache.flink:flink-shaded-hadoop-2-uber:2.8.3-10.0",
        "org.apache.flink:flink-sql-connector-kafka:4.0.1-2.0",
    ),
}
WITH_DEPENDENCIES = {"kafka": ("org.apache.kafka:kafka_2.13:4.1.0",)}

Fetch = Callable[["Jar", Path, Callable[[int], None]], Path]


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar of the lock file.

    Args:
        coordinate: `group:artifact:version`.
        place: The folder below the jar folder where it belongs.
        size: In bytes.
        sha256: Of its content, in hexadecimal.
    """

    coordinate: str
    place: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """The name it has in a Maven repository."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"

    def path(self, folder: Path) -> Path:
        """Where it lies below the jar folder."""
        return folder / self.place / self.file_name


def folder(stack: Stack) -> Path:
    """Where this stack's jars lie: HEADWATER_JARS, which several stacks may share, or `<home>/jars`."""
    shared = os.environ.get(FOLDER_VARIABLE)
    return Path(shared).absolute() if shared else stack.home / "jars"


def read_lock(file: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """The jars of the lock file: one a line, `coordinate place size sha256`."""
    lines = (line.split("#")[0].split() for line in file.read_text().splitlines())
    return tuple(
        Jar(coordinate, place, int(size), sha256)
        for coordinate, place, size, sha256 in (line for line in lines if line)
    )


def missing(jars: Iterable[Jar], target: Path) -> tuple[Jar, ...]:
    """Those that are not there, or not of the size they should be."""
    return tuple(jar for jar in jars if not _has_size(jar.path(target), jar.size))


def wrong(jars: Iterable[Jar], target: Path) -> tuple[Jar, ...]:
    """Those that are there with another content than the lock file says."""
    present = [jar for jar in jars if jar.path(target).exists()]
    with ThreadPoolExecutor() as pool:
        sums = pool.map(lambda jar: _sha256(jar.path(target)), present)
    return tuple(jar for jar, found in zip(present, sums, strict=True) if found != jar.sha256)


def fetch(
    jars: Sequence[Jar], target: Path, on_bytes: Callable[[int], None] = lambda _: None, download: Fetch | None = None
) -> None:
    """Bring every jar that is not there yet into its place, several at once, and check every one.

    Args:
        jars: What must be there at the end.
        target: The jar folder.
        on_bytes: Told of every piece that arrived (bytes), from several threads.
        download: How one jar is brought into a folder; by default from Maven Central, through jgo.

    Raises:
        HeadwaterError: no connection, or a jar whose checksum is wrong; that jar's file is deleted.
    """
    download = download or _download
    for jar in wrong([jar for jar in jars if _has_size(jar.path(target), jar.size)], target):
        found = _sha256(jar.path(target))
        jar.path(target).unlink()
        raise _wrong_checksum(jar, found)
    todo = missing(jars, target)
    if not todo:
        return
    partial = target / f".partial-{os.getpid()}"
    try:
        with ThreadPoolExecutor(max_workers=8) as pool:
            arriving = {pool.submit(download, jar, partial, on_bytes): jar for jar in todo}
            try:
                for arrived in as_completed(arriving):
                    _put(arriving[arrived], arrived.result(), target)
            except Exception as error:
                for other in arriving:
                    other.cancel()
                if isinstance(error, HeadwaterError):
                    raise
                raise _not_fetched(missing(jars, target), len(jars), target, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _put(jar: Jar, arrived: Path, target: Path) -> None:
    found = _sha256(arrived)
    if found != jar.sha256:
        arrived.unlink()
        raise _wrong_checksum(jar, found)
    place = jar.path(target)
    place.parent.mkdir(parents=True, exist_ok=True)
    arrived.replace(place)


def _download(jar: Jar, into: Path, on_bytes: Callable[[int], None]) -> Path:
    from jgo.maven import MavenContext, PythonResolver

    @contextmanager
    def progress(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield on_bytes

    context = MavenContext(
        resolver=PythonResolver(progress_callback=progress), repo_cache=into, local_repos=[], timeout=30
    )
    group, artifact, version = jar.coordinate.split(":")
    return context.project(group, artifact).at_version(version).artifact().resolve()


def _wrong_checksum(jar: Jar, found: str) -> HeadwaterError:
    return HeadwaterError(
        f"The jar {jar.coordinate} has a wrong checksum: expected sha256 {jar.sha256}, got {found}",
        left="the file was deleted; every other jar is kept",
        next_command="headwater up (fetches it again; if it fails again, what is served is not what jars.lock pins)",
    )


def _not_fetched(todo: Sequence[Jar], count: int, target: Path, error: Exception) -> HeadwaterError:
    reason = str(error).splitlines()[0] if isinstance(error, RuntimeError) else _network_reason(error)
    return HeadwaterError(
        f"Fetching {len(todo)} of {count} jars failed, {todo[0].coordinate} first: {reason}",
        left=f"{count - len(todo)} jars are in {target} and are kept",
        next_command="connect this machine to the network (only the first start needs it), then: headwater up",
        unreachable=True,
    )


def _network_reason(error: Exception) -> str:
    kind = type(error).__name__
    return f"the Maven repository cannot be reached ({kind})" if isinstance(error, OSError) else f"{kind}: {error}"


def _has_size(file: Path, size: int) -> bool:
    try:
        return file.stat().st_size == size
    except FileNotFoundError:
        return False


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def lock(target: Path) -> str:
    """Resolve the lists of this module, fetch every jar into a folder, and give the text of a lock file."""
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=target, local_repos=[])
    placed = [(coordinate, place) for place, coordinates in PLAIN.items() for coordinate in coordinates]
    for place, coordinates in WITH_DEPENDENCIES.items():
        inputs, others = context.resolver.resolve([context.create_dependency(entry) for entry in coordinates])
        found = {f"{entry.groupId}:{entry.artifactId}:{entry.version}" for entry in (*inputs, *others)}
        placed += [(coordinate, place) for coordinate in sorted(found)]
    lines = ["# coordinate place size sha256; written by: python -m resources.jars lock"]
    for coordinate, place in placed:
        file = _download(Jar(coordinate, place, 0, ""), target, lambda _: None)
        lines.append(f"{coordinate} {place} {file.stat().st_size} {_sha256(file)}")
    return "\n".join(lines) + "\n"


class Counter:
    """Bytes arrived so far, told from several threads."""

    def __init__(self, on_total: Callable[[int], None]) -> None:
        self._guard = threading.Lock()
        self._total = 0
        self._on_total = on_total

    def __call__(self, count: int) -> None:
        """Add a piece and tell the new total."""
        with self._guard:
            self._total += count
            self._on_total(self._total)


if __name__ == "__main__":
    import tempfile

    if sys.argv[1:] != ["lock"]:
        sys.exit("usage: python -m resources.jars lock")
    with tempfile.TemporaryDirectory() as cache:
        LOCK_FILE.write_text(lock(Path(cache)))
