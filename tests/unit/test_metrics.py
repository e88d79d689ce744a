"""Figures: what Prometheus reads, and that the examples in deploy/ ask for nothing else."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from immich_drop.errors import Unavailable
from immich_drop.metrics import Gauges, Metrics
from immich_drop.upload import State

EXAMPLES = Path(__file__).parents[2] / "deploy" / "monitoring"


def two_received() -> dict[State, int]:
    return dict.fromkeys(State, 0) | {State.RECEIVED: 2}


def told(
    free: Callable[[], int] = lambda: 10**9,
    counts: Callable[[], dict[State, int]] = two_received,
) -> dict[tuple[str, str], float]:
    metrics = Metrics()
    gauges = Gauges(
        counts=counts,
        oldest=lambda: 60.0,
        free=free,
        immich_up=lambda: False,
        ready=lambda: {"spool": "ok", "links": "link_gone"},
    )
    metrics.registry.register(gauges)
    metrics.bytes_received.inc(100)
    metrics.deliveries.labels(State.STORED).inc()
    metrics.delivery_seconds.observe(0.5)
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def test_what_is_told() -> None:
    figures = told()
    assert figures["drop_received_bytes_total", ""] == 100
    assert figures["drop_deliveries_total", "stored"] == 1
    assert figures["drop_uploads", "received"] == 2
    assert figures["drop_queue_age_seconds", ""] == 60
    assert figures["drop_disk_free_bytes", ""] == 10**9
    assert figures["drop_immich_up", ""] == 0
    assert figures["drop_ready", "spool"] == 1
    assert figures["drop_ready", "links"] == 0
    assert figures["drop_delivery_seconds_count", ""] == 1


def test_a_spool_that_is_gone_has_no_room() -> None:
    def gone() -> int:
        raise Unavailable("no such file or directory")

    figures = told(free=gone)
    assert figures["drop_disk_free_bytes", ""] == 0
    assert figures["drop_uploads", "received"] == 2


def test_a_database_that_is_gone_hides_no_other_figure() -> None:
    def gone() -> dict[State, int]:
        raise Unavailable("database: disk I/O error")

    figures = told(counts=gone)
    assert ("drop_uploads", "received") not in figures
    assert figures["drop_ready", "spool"] == 1
    assert figures["drop_disk_free_bytes", ""] == 10**9


def queries() -> Iterator[str]:
    dashboard = json.loads((EXAMPLES / "grafana.json").read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from re.findall(r"expr: (.*)", (EXAMPLES / "alerts.yml").read_text())


def test_the_examples_ask_for_what_there_is() -> None:
    names = {name for name, _ in told()}
    asked = {name for query in queries() for name in re.findall(r"\bdrop_\w+", query)}
    assert asked
    assert asked <= names
