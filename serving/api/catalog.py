"""The products that are served now: the declarations, read again when they change."""

import asyncio
import logging
from collections.abc import Mapping

from headwater.problem import HeadwaterError
from headwater.serving.product import Product
from headwater.stack import Stack
from resources import declarations

_EVERY_SECONDS = 5.0

log = logging.getLogger("api")


class Catalog:
    """The declared products by name.

    Args:
        products: Those to begin with.
    """

    def __init__(self, products: tuple[Product, ...] = ()) -> None:
        self.products: Mapping[str, Product] = {product.name: product for product in products}

    @property
    def newest(self) -> tuple[Product, ...]:
        """All of them, by name."""
        return tuple(self.products.values())

    def put(self, products: tuple[Product, ...]) -> None:
        """Serve these from now on."""
        self.products = {product.name: product for product in products}

    async def follow(self, stack: Stack) -> None:
        """Read the declarations again now and then, until cancelled; those that are wrong change nothing."""
        said = ""
        while True:
            try:
                self.put((await asyncio.to_thread(declarations.warehouse, stack)).products)
                said = ""
            except HeadwaterError as error:
                if error.failed != said:
                    said = error.failed
                    log.warning("what was declared before is served on: %s", said)
            except Exception:
                log.exception("what was declared before is served on")
            await asyncio.sleep(_EVERY_SECONDS)
