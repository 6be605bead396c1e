"""The process `feeder`."""

import logging
import signal
import sys
import threading

from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.keyvalue.choice import feeder_store
from serving.feeder.feeder import Feeder


def main() -> None:
    """Run as a process of the local stack, or beside others of its kind on another machine, with a store in Redis."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stack = Stack.resolve()
    try:
        store = feeder_store(stack)
    except HeadwaterError as error:
        sys.exit(str(error))
    Feeder(stack, store).run(stop)
    store.close()


if __name__ == "__main__":
    main()
