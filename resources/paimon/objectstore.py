"""A lake's files in an object store that speaks S3.

Who may read, and where, is said by the environment variables that all of AWS's own tools heed: AWS_ENDPOINT_URL_S3 or
AWS_ENDPOINT_URL, AWS_REGION or AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. Without
keys there, both readers look where those tools look next (AWS_PROFILE, the machine's role).
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from headwater.problem import HeadwaterError
from resources.paimon.lakefiles import NotGiven, RemoteLake

if TYPE_CHECKING:
    import duckdb
    from pyarrow.fs import S3FileSystem

SCHEME = "s3://"
_Told = TypeVar("_Told")
# A request's time is mostly waiting.
_AT_ONCE = 16
_CONNECT_SECONDS, _SILENT_SECONDS, _ATTEMPTS = 5, 30, 3
_ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>/.*)?")
# As Arrow's client, and the native reader's, put it.
_NO_BUCKET = re.compile(r"no bucket|NO_SUCH_BUCKET|NoSuchBucket")
_REFUSED = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY_ID|SIGNATURE_DOES_NOT_MATCH|INVALID_CLIENT_TOKEN_ID|EXPIRED_TOKEN"
    r"|HTTP Status 40[013]|PermissionDenied|InvalidAccessKeyId|signing http request"
)
_MISSING = re.compile(r"does not exist|NotFound")
_AWAY = re.compile(r"NETWORK_CONNECTION|REQUEST_TIMEOUT|SLOW_DOWN|SERVICE_UNAVAILABLE|INTERNAL_FAILURE")


@dataclass(frozen=True, slots=True)
class S3Files:
    """`resources.paimon.lakefiles.LakeFiles` of paths `s3://bucket/…`.

    Args:
        endpoint: Of another store than AWS's own; None for that.
        key: The access key; None when it is not in the environment.
    """

    endpoint: str | None
    region: str
    key: str | None = None
    secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of_environment(cls) -> "S3Files":
        """As the environment variables say."""
        given = os.environ.get
        return cls(
            endpoint=given("AWS_ENDPOINT_URL_S3") or given("AWS_ENDPOINT_URL") or None,
            region=given("AWS_REGION") or given("AWS_DEFAULT_REGION") or "us-east-1",
            key=given("AWS_ACCESS_KEY_ID") or None,
            secret=given("AWS_SECRET_ACCESS_KEY") or None,
            token=given("AWS_SESSION_TOKEN") or None,
        )

    def read(self, path: str, /) -> bytes | None:
        """The object's bytes, or None when there is none."""
        with self._explaining(path):
            try:
                with _connected(self).open_input_stream(key_of(path)) as stream:
                    return stream.read()
            except FileNotFoundError:
                return None

    def read_each(self, paths: Sequence[str], /) -> list[bytes | None]:
        """As `read`, of many, several at once."""
        return _at_once(self.read, paths)

    def exists(self, path: str, /) -> bool:
        """There is an object of this name: one request, where asking for what is known of it would be two."""
        with self._explaining(path):
            try:
                _connected(self).open_input_file(key_of(path)).close()
            except FileNotFoundError:
                return False
        return True

    def names(self, folder: str, /) -> Sequence[str]:
        """What lies below a prefix, up to the next slash."""
        from pyarrow.fs import FileSelector

        with self._explaining(folder):
            found = _connected(self).get_file_info(FileSelector(key_of(folder), allow_not_found=True))
        return [info.base_name for info in found]

    def tables(self, lake: str, databases: Sequence[str], /) -> Sequence[tuple[str, str]]:
        """What lies in the databases: a prefix is there by its objects, and a table's first object is its schema.

        Raises NotGiven, too, when there is no such bucket, which a listing does not tell from an empty prefix.
        """
        there = set(self.names(lake))
        if not there:
            self._refuse_missing_bucket(lake)
        known = [database for database in databases if database in there]
        listed = _at_once(self.names, [f"{lake}/{database}" for database in known])
        return [(database, name) for database, names in zip(known, listed, strict=True) for name in names]

    def url(self, path: str, /) -> str:
        return path

    def native_options(self) -> Mapping[str, str]:
        given = {
            "s3.endpoint": self.endpoint,
            "s3.region": self.region,
            "s3.access-key": self.key,
            "s3.secret-key": self.secret,
            "s3.session.token": self.token,
            # Stores of one's own seldom have a name for each bucket.
            "s3.path-style-access": "true" if self.endpoint else None,
        }
        return {key: value for key, value in given.items() if value}

    def attach(self, connection: "duckdb.DuckDBPyConnection", paths: Sequence[str], /) -> None:
        """Let a DuckDB read these objects, and no others, through this process: it must not download its httpfs."""
        from resources.paimon.objectscan import DataObjects

        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("SET autoload_known_extensions = false")
        connection.register_filesystem(DataObjects(_connected(self), [key_of(path) for path in paths]))

    def remedy(self, reason: str, /) -> str:
        """What leads on: another bucket, another key, or another address."""
        where = f"AWS_ENDPOINT_URL={self.endpoint}" if self.endpoint else "AWS itself, as AWS_ENDPOINT_URL is not set"
        if _NO_BUCKET.search(reason):
            return f"correct the bucket's name, or where it is looked for ({where})"
        if _REFUSED.search(reason):
            who = f"AWS_ACCESS_KEY_ID={self.key}" if self.key else "AWS_ACCESS_KEY_ID is not set"
            return f"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key that may list and read the bucket ({who})"
        if _MISSING.search(reason):
            return "see whether the objects of the lake were all copied, or name an older snapshot with --at"
        return f"check the address ({where}) and AWS_REGION={self.region}, then run it again"

    def _refuse_missing_bucket(self, path: str) -> None:
        from pyarrow.fs import FileType

        bucket = key_of(path).partition("/")[0]
        with self._explaining(path):
            if _connected(self).get_file_info(bucket).type is FileType.NotFound:
                raise FileNotFoundError(f"there is no bucket {bucket}")

    @contextlib.contextmanager
    def _explaining(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._explained(path, error) from error

    def _explained(self, path: str, error: OSError) -> NotGiven:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return NotGiven(
            f"The object store did not give {path}: {reason}",
            left="nothing was written, and no row was used",
            next_command=self.remedy(reason),
            unreachable=bool(_AWAY.search(reason)),
        )


def s3_lake(address: str) -> RemoteLake:
    """The lake at `s3://bucket/prefix`. Raises HeadwaterError when this names no bucket."""
    if not _ADDRESS.fullmatch(address):
        raise HeadwaterError(f"{address} names no bucket", next_command="write it as s3://bucket or s3://bucket/prefix")
    return RemoteLake(address.rstrip("/"), S3Files.of_environment())


def key_of(path: str) -> str:
    """An object's bucket and name, without the scheme."""
    return path.removeprefix(SCHEME)


def _at_once(ask: Callable[[str], _Told], paths: Sequence[str]) -> list[_Told]:
    if len(paths) < 2:
        return [ask(path) for path in paths]
    with ThreadPoolExecutor(min(_AT_ONCE, len(paths)), thread_name_prefix="object-store") as pool:
        return list(pool.map(ask, paths))


@lru_cache(maxsize=8)
def _connected(settings: S3Files) -> "S3FileSystem":
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    return S3FileSystem(
        access_key=settings.key,
        secret_key=settings.secret,
        session_token=settings.token,
        region=settings.region,
        endpoint_override=settings.endpoint,
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_SILENT_SECONDS,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
    )
