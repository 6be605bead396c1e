"""What the API counts of itself, in Prometheus' form; described in resources.watch.apimetrics."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from headwater.serving.product import Product
from resources.watch.apimetrics import AGE, AUDIT_LOST, FEEDER_AT, REQUESTS, SECONDS, SNAPSHOT, STALE
from serving.api.answers import Moment

_BUCKETS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)


class Meters:
    """Counters and gauges of one API."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(REQUESTS.name, REQUESTS.meaning, REQUESTS.labels, registry=self._registry)
        self._seconds = Histogram(
            SECONDS.name, SECONDS.meaning, SECONDS.labels, buckets=_BUCKETS, registry=self._registry
        )
        self._gauges = {
            each: Gauge(each.name, each.meaning, each.labels, registry=self._registry)
            for each in (SNAPSHOT, AGE, STALE, FEEDER_AT)
        }
        self._lost = Counter(AUDIT_LOST.name, AUDIT_LOST.meaning, registry=self._registry)
        self._known_lost = 0
        # Finding a series by its labels takes longer than adding to it.
        self._series: dict[tuple[str, str, int], Counter] = {}
        self._kinds = {kind: self._seconds.labels(kind) for kind in ("get", "batch", "scan", "query", "other")}

    def count(self, product: str, kind: str, status: int, seconds: float) -> None:
        """A request was answered."""
        series = self._series.get((product, kind, status))
        if series is None:
            series = self._series[product, kind, status] = self._requests.labels(product, kind, str(status))
        series.inc()
        self._kinds[kind].observe(seconds)

    def page(self, products: Iterable[tuple[Product, Moment | None, float | None]], lost: int) -> bytes:
        """What `/metrics` says.

        Args:
            products: Each with how far it goes, where something is stored of it, and when the feeder last looked.
            lost: Lines of the audit log that could not be written.
        """
        for gauge in self._gauges.values():
            gauge.clear()
        for product, moment, looked_at in products:
            if moment is not None:
                self._gauges[SNAPSHOT].labels(product.name).set(moment.snapshot)
                self._gauges[AGE].labels(product.name).set(moment.age)
                self._gauges[STALE].labels(product.name).set(moment.stale)
            if looked_at is not None:
                self._gauges[FEEDER_AT].labels(product.name).set(looked_at)
        self._lost.inc(lost - self._known_lost)
        self._known_lost = lost
        return generate_latest(self._registry)
