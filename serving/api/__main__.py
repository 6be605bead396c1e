"""The process `api`."""

import logging
import ssl
import sys

import uvicorn

from headwater.problem import HeadwaterError, InvalidWarehouse
from headwater.stack import Stack
from resources import declarations
from resources.apikeys import file_of
from resources.keyvalue.choice import reader_store
from serving.api.application import Application, application
from serving.api.callers import Keyring
from serving.api.catalog import Catalog
from serving.api.service import Service
from serving.api.settings import Settings
from serving.api.tls import context
from serving.audit import Audit

_CONNECTIONS = 2000
_IDLE_SECONDS = 30
_END_SECONDS = 3


def build(stack: Stack, settings: Settings) -> Application:
    """The API of a stack. Raises HeadwaterError when its store cannot be opened."""
    try:
        products = declarations.warehouse(stack).products
    except InvalidWarehouse as error:
        logging.warning("no product is served until the declarations hold together: %s", error.failed)
        products = ()
    service = Service(
        catalog=Catalog(products),
        store=reader_store(stack),
        keyring=Keyring(file_of(stack)),
        audit=Audit(stack.home / "serving" / "audit.jsonl"),
        is_open=settings.is_open,
    )
    return application(service, stack)


def configuration(application_: Application, settings: Settings, tls: ssl.SSLContext | None) -> uvicorn.Config:
    """How uvicorn runs it: no line of a log and no header of its own for each request."""
    return uvicorn.Config(
        application_,
        host=settings.host,
        port=settings.port,
        ssl_context_factory=None if tls is None else lambda *_: tls,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        ws="none",
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_END_SECONDS,
        log_level="warning",
    )


def main() -> None:
    """Run as a process of the local stack, or by itself on another machine, with a store in Redis."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    stack = Stack.resolve()
    try:
        settings = Settings.of(stack)
        tls = context(settings.certificate, settings.private_key) if settings.certificate else None
        application_ = build(stack, settings)
    except HeadwaterError as error:
        sys.exit(str(error))
    uvicorn.Server(configuration(application_, settings, tls)).run()


if __name__ == "__main__":
    main()
