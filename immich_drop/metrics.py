"""Metrics for Prometheus: always counted, served at `/metrics` if the host wants them."""

from collections.abc import Callable, Iterator
from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from immich_drop.errors import Unavailable
from immich_drop.upload import State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 60, 300, 1800, 3600, 6 * 3600, 24 * 3600)


class Metrics:
    """What happened since the start."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.bytes_received = Counter(
            "drop_received_bytes", "Bytes taken from guests", registry=self.registry
        )
        self.bytes_sent = Counter(
            "drop_sent_bytes", "Bytes of files delivered to Immich", registry=self.registry
        )
        self.deliveries = Counter(
            "drop_deliveries",
            "Deliveries by outcome: stored, duplicate, failed, or the code they wait for",
            ["outcome"],
            registry=self.registry,
        )
        self.delivery_seconds = Histogram(
            "drop_delivery_seconds",
            "From the last byte received to the asset in Immich",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.loop_lag = Gauge(
            "drop_loop_lag_seconds",
            "How late the event loop was lately, at worst",
            registry=self.registry,
        )

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


class Gauges(Collector):
    """Gauges that are read when Prometheus asks for them."""

    def __init__(
        self,
        *,
        counts: Callable[[], dict[State, int]],
        oldest: Callable[[], float],
        free: Callable[[], int],
        immich_up: Callable[[], bool],
        ready: Callable[[], dict[str, str]],
    ) -> None:
        self._counts = counts
        self._oldest = oldest
        self._free = free
        self._immich_up = immich_up
        self._ready = ready

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the current figures; without a database there is nothing to count."""
        with suppress(Unavailable):
            yield from self._of_rows()
        yield GaugeMetricFamily(
            "drop_disk_free_bytes", "Room for the spool; 0 while it is gone", self._free_or_gone()
        )
        yield GaugeMetricFamily(
            "drop_immich_up", "1 while deliveries get through to Immich", float(self._immich_up())
        )

        ready = GaugeMetricFamily(
            "drop_ready", "1 for each part of the drop that is well, as /readyz", labels=["part"]
        )
        for part, code in self._ready().items():
            ready.add_metric([part], float(code == "ok"))
        yield ready

    def _of_rows(self) -> Iterator[GaugeMetricFamily]:
        uploads = GaugeMetricFamily("drop_uploads", "Uploads we know by state", labels=["state"])
        for state, count in self._counts().items():
            uploads.add_metric([state], count)
        yield uploads
        yield GaugeMetricFamily(
            "drop_queue_age_seconds", "Age of the oldest file not yet in Immich", self._oldest()
        )

    def _free_or_gone(self) -> int:
        """Return no room for a spool that is gone: the other figures are wanted all the more.

        One that was just found not to answer is not asked here: all guests would wait for it.
        """
        if self._ready().get("spool", "ok") != "ok":
            return 0
        try:
            return self._free()
        except Unavailable:
            return 0
