"""Every metric of the data service API, which gives them itself on `/metrics`. `docs/metrics.md` is made of it too."""

from resources.watch.catalogue import Kind, Metric

REQUESTS = Metric(
    "headwater_api_requests_total",
    Kind.COUNTER,
    "requests",
    ("product", "kind", "status"),
    "Requests answered; kind is get, batch, scan or other, product is empty where none was reached.",
)
SECONDS = Metric(
    "headwater_api_request_duration_seconds",
    Kind.HISTOGRAM,
    "seconds",
    ("kind",),
    "From a request's arrival in the process until its answer was handed to the socket.",
)
SNAPSHOT = Metric(
    "headwater_api_product_snapshot_id", Kind.GAUGE, "a number", ("product",), "The snapshot that is served."
)
AGE = Metric(
    "headwater_api_product_age_seconds", Kind.GAUGE, "seconds", ("product",), "Age of what is served, in event time."
)
STALE = Metric("headwater_api_product_stale", Kind.GAUGE, "1 or 0", ("product",), "It is older than promised.")
FEEDER_AT = Metric(
    "headwater_api_feeder_timestamp_seconds",
    Kind.GAUGE,
    "seconds since 1970",
    ("product",),
    "When the feeder last looked at the product's table; it stands still when the feeder is stuck or gone.",
)
AUDIT_LOST = Metric(
    "headwater_api_audit_lines_lost_total",
    Kind.COUNTER,
    "lines",
    (),
    "Lines of the audit log that could not be written, after a disk has been full for long.",
)

API_METRICS: tuple[Metric, ...] = (REQUESTS, SECONDS, SNAPSHOT, AGE, STALE, FEEDER_AT, AUDIT_LOST)
"""All of them."""
