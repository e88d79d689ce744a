"""Coverage-guided fuzzing of what reads a guest's bytes, for hours if you like: not a test.

    pip install atheris
    python tests/attack/fuzz.py tus -max_total_time=600
    python tests/attack/fuzz.py capture -max_total_time=600

The contract: whatever comes in, tus raises DropErrors only, and capture raises nothing at all.
"""

import base64
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["immich_drop"]):
    from immich_drop import tus
    from immich_drop.capture import taken
    from immich_drop.errors import DropError
    from immich_drop.names import clean_name

GOOD = {
    "Upload-Length": "3",
    "Upload-Defer-Length": "1",
    "Upload-Offset": "0",
    "Upload-Checksum": "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "Upload-Metadata": "filename YS5qcGc=",
    "Content-Type": tus.CONTENT_TYPE,
    "Content-Encoding": "identity",
}
KEYS = ("filename", "session", "item", "sha1", "lastModified", "x")
NOW = datetime(2026, 7, 4, tzinfo=UTC)
SUFFIXES = (".jpg", ".png", ".webp", ".tif", ".heic", ".mp4", ".mkv")


def fuzz_tus(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    headers = {name: value for name, value in GOOD.items() if provider.ConsumeBool()}
    pairs = [
        f"{key} {base64.b64encode(provider.ConsumeBytes(60)).decode()}"
        for key in KEYS
        if provider.ConsumeBool()
    ]
    if pairs:
        headers["Upload-Metadata"] = ",".join(pairs)
    if provider.ConsumeBool():
        headers[provider.PickValueInList(list(GOOD))] = provider.ConsumeUnicode(100)
    for read in (tus.read_creation, tus.read_chunk):
        try:
            read(headers, max_size=1 << 40)
        except DropError:
            continue
    name = clean_name(provider.ConsumeUnicode(400))
    assert len(name.encode()) <= 255
    assert not set(name) & set("/\\\0\r\n")


def fuzz_capture(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{SUFFIXES[len(data) % len(SUFFIXES)]}"
        path.write_bytes(data)
        moment = taken(path, last_modified=None, received=NOW)
        assert moment.tzinfo is not None


if __name__ == "__main__":
    target = {"tus": fuzz_tus, "capture": fuzz_capture}[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
