"""A small product in a filled store, and the API over it, asked without a socket."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from headwater.model import Column, TableName
from headwater.serving.address import encode, parse
from headwater.serving.position import Position
from headwater.serving.product import Product, WhenStale
from headwater.serving.stored import Row, pack
from headwater.sqltype import SqlType
from resources.apikeys import KeyFile
from resources.keyvalue.embedded import EmbeddedFeederStore, EmbeddedReaderStore
from serving.api.application import Application, application
from serving.api.callers import Keyring
from serving.api.catalog import Catalog
from serving.api.service import Service
from serving.audit import Audit

STRING, BIGINT = SqlType("STRING"), SqlType("BIGINT")


def column(name: str, kind: str = "STRING") -> Column:
    return Column(name, SqlType.parse(kind), f"The {name}.", required=True)


SURCHARGE = Product(
    name="surcharge",
    file=Path("serving/surcharge.yaml"),
    description="What a ride costs more.",
    owner="tests",
    table=TableName.parse("dm.surcharge"),
    key=(column("market"), column("area"), column("level", "INT")),
    newest=column("window_end", "TIMESTAMP_LTZ(3)"),
    identity=(column("market"), column("area"), column("level", "INT"), column("window_end", "TIMESTAMP_LTZ(3)")),
    columns=(Column("multiplier", SqlType.parse("DECIMAL(4, 2)")),),
    market="market",
    max_age=timedelta(seconds=30),
    when_stale=WhenStale.SERVE,
    examples=(("sg", "sg-01", "1"),),
)
PLAIN = replace(SURCHARGE, name="plain", newest=None, identity=SURCHARGE.key)
STRICT = replace(PLAIN, name="strict", when_stale=WhenStale.REFUSE)
GLOBAL = replace(
    PLAIN, name="global", key=(column("id", "BIGINT"),), identity=(column("id", "BIGINT"),), market=None, examples=()
)
PRODUCTS = (SURCHARGE, PLAIN, STRICT, GLOBAL)

Key = Sequence[str]


class Borrowed(EmbeddedReaderStore):
    """LMDB is opened once in a process: the API reads the feeder's."""

    def __init__(self, feeder: EmbeddedFeederStore) -> None:
        self._env = feeder._env

    async def close(self) -> None:
        """The feeder's stays open."""


class Shop:
    """A store that holds what a test puts in, and the API over it."""

    def __init__(self, folder: Path, *, is_open: bool = False) -> None:
        self.folder = folder
        self.store = EmbeddedFeederStore(folder / "store", gigabytes=1)
        self.keys = KeyFile(folder / "keys.json")
        self.audit = Audit(folder / "audit.jsonl")
        self.clock = 0.0
        self.service = Service(
            Catalog(PRODUCTS),
            Borrowed(self.store),
            Keyring(folder / "keys.json", lambda: self.clock),
            self.audit,
            is_open=is_open,
        )
        self.app: Application = application(self.service)

    def serve(
        self,
        product: Product,
        rows: Mapping[tuple[str, ...], str],
        *,
        snapshot: int = 7,
        age: float = 1.0,
        shape: str = "",
    ) -> None:
        """Store a product anew: multipliers by address."""
        now = int(time.time() * 1000)
        position = Position(snapshot, now, now - int(age * 1000), shape or product.shape)
        with self.store.loading(product.name) as loading:
            loading.put({address_of(product, key): _stored(product, key, value) for key, value in rows.items()})
            loading.finish(self.store.position(product.name), position.encode())

    def new_key(self, *, products: Sequence[str] = (), markets: Sequence[str] = (), **more: Any) -> dict[str, str]:
        """The headers of a caller with a new key."""
        self.clock += 10
        _, token = self.keys.create("a test", tuple(products), tuple(markets), **more)
        return {"authorization": f"Bearer {token}"}

    def ask(self, method: str, target: str, **more: Any) -> httpx.Response:
        """One request."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, target, **more)

        return asyncio.run(asked())

    def get(self, target: str, **more: Any) -> httpx.Response:
        """One request that reads."""
        return self.ask("GET", target, **more)

    def close(self) -> None:
        self.store.close()


def address_of(product: Product, key: Key) -> bytes:
    return encode([parse(text, part.type) for text, part in zip(key, product.key, strict=True)], product.key)


def _stored(product: Product, key: Key, value: str) -> bytes:
    import orjson

    body: dict[str, Any] = {part.name: parse(text, part.type) for text, part in zip(key, product.key, strict=True)} | {
        "multiplier": value
    }
    shown = orjson.dumps(body)
    return pack(Row(b"\1", b"x", shown)) if product.newest else shown
