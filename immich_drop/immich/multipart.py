"""The multipart/form-data envelope around a file, in the form that Immich's parser needs.

The name goes into `filename="..."` as raw UTF-8: Immich reads the parameter as Latin-1 and then
decodes it as UTF-8, so an RFC 5987 `filename*` would arrive garbled. Its parser takes a backslash
for a path separator, and no way to escape a quote works in every version, so both are replaced.
"""

import secrets
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass

from immich_drop.errors import ImmichTrouble
from immich_drop.immich.outlet import Piece

_BYTES = "Content-Type: application/octet-stream\r\n\r\n"
"""The type does not matter: Immich goes by the file name alone."""

_REPLACED = {
    **dict.fromkeys([*range(0x20), 0x7F], None),
    ord('"'): "'",
    ord("/"): "_",
    ord("\\"): "_",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The parts of the body before and after the bytes of the file."""

    content_type: str
    head: bytes
    tail: bytes

    def filled(
        self,
        length: int,
        blocks: Generator[Piece],
        sent: Callable[[int], None],
    ) -> Generator[Piece]:
        """Yield the whole body; asking for the next piece means the previous one has been sent.

        In the end `blocks` is closed. Raises ImmichTrouble if the file is not of `length` bytes.
        This happens before the form is complete, as Immich would store a truncated file as a photo
        of its own.
        """
        total = 0
        yield self.head
        with closing(blocks):
            for block in blocks:
                total += len(block)
                if total > length:
                    raise ImmichTrouble(f"the file has more than its {length} bytes")
                yield block
                sent(total)
        if total < length:
            raise ImmichTrouble(f"the file has {total} of its {length} bytes")
        yield self.tail


def envelope(*, fields: Mapping[str, str], name: str, sidecar: bytes | None = None) -> Envelope:
    """Wrap a file named `name`: the text `fields` come first, its XMP sidecar (if any) comes last.

    All versions of Immich accept the parts in this order.
    """
    boundary = f"drop-{secrets.token_hex(16)}"
    opening = f"--{boundary}\r\nContent-Disposition: form-data; name="
    name = name.translate(_REPLACED)
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
