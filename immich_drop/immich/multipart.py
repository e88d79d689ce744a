"""The multipart/form-data envelope around a file, as Immich's parser wants it.

The name goes into `filename="..."` as raw UTF-8: Immich reads the parameter as Latin-1 and decodes
it once more, so an RFC 5987 `filename*` would arrive garbled. A backslash is a path separator to
its parser, and no escape of a quote survives every version; none of them goes on the wire.
"""

import secrets
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterator, Mapping
from dataclasses import dataclass

from immich_drop.errors import ImmichTrouble

PIECE = 1 << 21
"""Bytes written at a time: what a stalled connection has to move within the idle timeout."""

_BYTES = "Content-Type: application/octet-stream\r\n\r\n"
"""Immich goes by the name alone."""

_HARMLESS = {
    **dict.fromkeys([*range(0x20), 0x7F], None),
    ord('"'): "'",
    ord("/"): "_",
    ord("\\"): "_",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What stands before and after the bytes of the file."""

    content_type: str
    head: bytes
    tail: bytes

    async def filled(
        self,
        length: int,
        blocks: AsyncIterable[bytes | memoryview],
        sent: Callable[[int], None],
    ) -> AsyncGenerator[bytes | memoryview]:
        """Yield the whole body; what was yielded has left when the next piece is asked for.

        Raises ImmichTrouble before the form is complete if the file is not of `length` bytes:
        Immich would keep what it got as a photo of its own.
        """
        total = 0
        yield self.head
        async for block in blocks:
            for piece in _pieces(block):
                total += len(piece)
                if total > length:
                    raise ImmichTrouble(f"the file has more than its {length} bytes")
                yield piece
                sent(total)
        if total < length:
            raise ImmichTrouble(f"the file has {total} of its {length} bytes")
        yield self.tail


def envelope(*, fields: Mapping[str, str], name: str, sidecar: bytes | None = None) -> Envelope:
    """Wrap a file named `name`: after the text `fields`, before its XMP sidecar, if it has one.

    All of Immich's versions take the parts in this order.
    """
    boundary = f"drop-{secrets.token_hex(16)}"
    opening = f"--{boundary}\r\nContent-Disposition: form-data; name="
    name = name.translate(_HARMLESS)
    texts = [f'{opening}"{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
    file = f'{opening}"assetData"; filename="{name}"\r\n{_BYTES}'
    second = f'\r\n{opening}"sidecarData"; filename="{name}.xmp"\r\n{_BYTES}'
    return Envelope(
        content_type=f"multipart/form-data; boundary={boundary}",
        head=_encoded("".join([*texts, file])),
        tail=(_encoded(second) + sidecar if sidecar is not None else b"")
        + _encoded(f"\r\n--{boundary}--\r\n"),
    )


def _encoded(text: str) -> bytes:
    return text.encode(errors="replace")


def _pieces(block: bytes | memoryview) -> Iterator[memoryview]:
    """Cut a block into views of at most PIECE bytes."""
    view = memoryview(block).cast("B")
    for start in range(0, len(view), PIECE):
        yield view[start : start + PIECE]
