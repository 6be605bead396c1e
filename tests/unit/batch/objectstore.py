"""A server on loopback that speaks S3, and tells what was asked of it."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyarrow.fs import LocalFileSystem, S3FileSystem, copy_files
from werkzeug.serving import WSGIRequestHandler, make_server


@dataclass
class ObjectStore:
    """The server.

    Args:
        endpoint: Its address.
        gets: Path and bytes sent of every GET of an object since the last `forget`.
        is_open: Any key is let in.
    """

    endpoint: str = ""
    gets: list[tuple[str, int]] = field(default_factory=list)
    is_open: bool = True

    @property
    def data(self) -> set[str]:
        """The data files of which something was read."""
        return {path for path, _ in self.gets if "/data-" in path}

    @property
    def data_bytes(self) -> int:
        """Bytes of data files that were sent."""
        return sum(size for path, size in self.gets if "/data-" in path)

    def forget(self) -> None:
        """Count anew."""
        self.gets.clear()

    def upload(self, folder: Path, bucket: str) -> str:
        """Put a folder's files into a bucket of its own; give their address."""
        self.files.create_dir(bucket, recursive=False)
        copy_files(str(folder), f"{bucket}/some/lake", LocalFileSystem(), self.files, use_threads=False)
        return f"s3://{bucket}/some/lake"

    @property
    def files(self) -> S3FileSystem:
        """What the server holds."""
        return S3FileSystem(
            endpoint_override=self.endpoint,
            access_key="writer",
            secret_key="of-tests",
            region="us-east-1",
            allow_bucket_creation=True,
        )


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


_REFUSAL = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>InvalidAccessKeyId</Code><Message>There is no such key.</Message></Error>"""


@contextmanager
def serving() -> Iterator[ObjectStore]:
    """A server, until the end of the block."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    application = DomainDispatcherApplication(create_backend_app)
    store = ObjectStore()

    def counting(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if not store.is_open:
            start("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(_REFUSAL)))])
            return [_REFUSAL]
        found = b"".join(application(environ, start))
        if environ["REQUEST_METHOD"] == "GET" and "list-type" not in environ.get("QUERY_STRING", ""):
            store.gets.append((environ["PATH_INFO"], len(found)))
        return [found]

    server = make_server("127.0.0.1", 0, counting, threaded=True, request_handler=_Quiet)
    store.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
