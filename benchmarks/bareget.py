"""The least that answers a get over HTTP: one key of the embedded store, by the same server, with nothing around it.

`python -m benchmarks.bareget STORE KEY PORT`, the key in hexadecimal digits.
"""

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import lmdb
import uvicorn

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def main() -> None:
    """Serve until stopped."""
    environment = lmdb.open(sys.argv[1], map_size=32 << 30, max_readers=512)
    key = bytes.fromhex(sys.argv[2])

    async def answer(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        with environment.begin() as transaction:
            row = bytes(transaction.get(key) or b"")
        length = str(len(row)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200 if row else 404, "headers": headers})
        await send({"type": "http.response.body", "body": row})

    uvicorn.run(
        answer,
        host="127.0.0.1",
        port=int(sys.argv[3]),
        lifespan="off",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        ws="none",
        log_level="warning",
    )


if __name__ == "__main__":
    main()
