"""What the handlers can reach: `app` makes it once, the routing table hands it to each."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from tornado.websocket import WebSocketHandler

from immich_drop.buffers import Buffers
from immich_drop.create import Creator
from immich_drop.destination import Destinations
from immich_drop.entrance import Entrance
from immich_drop.handlers.forwarded import Forwarded
from immich_drop.health import Health
from immich_drop.known import Known
from immich_drop.lifetime import Lifetime
from immich_drop.limits import Rate
from immich_drop.metrics import Metrics
from immich_drop.progress import Progress
from immich_drop.receive import Receiver
from immich_drop.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The drop, as the handlers see it."""

    forwarded: Forwarded
    entrance: Entrance
    creator: Creator
    receiver: Receiver
    lifetime: Lifetime
    destinations: Destinations
    known: Known
    snapshot: Snapshot
    progress: Progress
    health: Health
    metrics: Metrics | None
    """None unless METRICS is on."""
    buffers: Buffers
    requests: Rate
    """Bounds what an address may ask besides uploading."""
    sockets: set[WebSocketHandler]
    """The WebSockets that are open."""
    spawn: Callable[[Coroutine[Any, Any, None]], object]
    """Starts what must end even when its request does not."""
    config: dict[str, object]
    """What the page of any drop needs to know before it starts."""
    extensions: Callable[[], frozenset[str]]
    """What Immich takes; it may change while we run."""
    max_size: int
    idle: float
    """Seconds of silence after which a request is given up."""
