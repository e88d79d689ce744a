"""Clients we did not write: tuspy, and tus-js-client in node.

tuspy gets streams, because it never closes the files it opens.
"""

import hashlib
import json
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from harness.hostile import Hostile
from harness.immich import Immich
from harness.product import Product
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed
from tusclient.uploader import Uploader

SCRIPT = Path(__file__).parent / "clients" / "upload.mjs"
CHUNK = 100_000


@pytest.fixture(name="photo")
def fixture_photo(tmp_path: Path, session: str) -> Path:
    """Return a file of a megabyte like no other."""
    path = tmp_path / "photo.jpg"
    seed = hashlib.sha1(session.encode())
    path.write_bytes(b"".join(seed.digest() + b"%d" % number for number in range(45_000)))
    return path


def endpoint(address: tuple[str, int]) -> str:
    return f"http://{address[0]}:{address[1]}/files/"


class TestTuspy:
    @pytest.mark.parametrize("checked", [True, False])
    def test_upload(self, product: Product, immich: Immich, photo: Path, checked: bool) -> None:
        client = TusClient(endpoint(product.address))
        client.uploader(
            file_stream=BytesIO(photo.read_bytes()),
            chunk_size=CHUNK,
            metadata={"filename": "from tuspy.jpg"},
            upload_checksum=checked,
        ).upload()
        assert immich.wait_for(photo.read_bytes()).name == "from tuspy.jpg"

    def test_resume(self, product: Product, immich: Immich, photo: Path) -> None:
        def uploader(url: str | None = None) -> Uploader:
            return TusClient(endpoint(product.address)).uploader(
                file_stream=BytesIO(photo.read_bytes()),
                url=url,
                chunk_size=CHUNK,
                metadata={"filename": photo.name},
            )

        first = uploader()
        first.upload(stop_at=3 * CHUNK)
        second = uploader(first.url)
        assert second.offset == 3 * CHUNK
        second.upload()
        immich.wait_for(photo.read_bytes())

    @pytest.mark.parametrize("checked", [True, False])
    def test_through_cuts(
        self, product: Product, immich: Immich, photo: Path, checked: bool
    ) -> None:
        with Hostile(product.address) as network:
            uploader = TusClient(endpoint(network.address)).uploader(
                file_stream=BytesIO(photo.read_bytes()),
                chunk_size=3 * CHUNK,
                metadata={"filename": photo.name},
                upload_checksum=checked,
            )
            uploader.upload_chunk()
            network.allowance = CHUNK
            for _ in range(3):
                with pytest.raises((TusUploadFailed, TusCommunicationError)):
                    uploader.upload_chunk()
                uploader.offset = uploader.get_offset()
            network.allowance = None
            uploader.upload()
        immich.wait_for(photo.read_bytes())


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
class TestTusJsClient:
    def run(self, address: tuple[str, int], photo: Path, **options: object) -> dict[str, Any]:
        """Run the script; returns {url, accepted: last offset the server acknowledged, …}."""
        task = {"endpoint": endpoint(address), "file": str(photo), **options}
        done = subprocess.run(
            ["node", str(SCRIPT), json.dumps(task)],
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @pytest.mark.parametrize("with_data", [True, False])
    def test_upload(self, product: Product, immich: Immich, photo: Path, with_data: bool) -> None:
        told = self.run(product.address, photo, uploadDataDuringCreation=with_data)
        assert told["done"]
        assert immich.wait_for(photo.read_bytes()).name == photo.name

    def test_a_length_it_does_not_know(self, product: Product, immich: Immich, photo: Path) -> None:
        assert self.run(product.address, photo, uploadLengthDeferred=True)["done"]
        immich.wait_for(photo.read_bytes())

    @pytest.mark.parametrize("resume_by", ["url", "memory"])
    def test_abort_and_resume(
        self, product: Product, immich: Immich, photo: Path, tmp_path: Path, resume_by: str
    ) -> None:
        urls = str(tmp_path / "urls.json")
        first = self.run(product.address, photo, abortAt=3 * CHUNK, urls=urls)
        assert not first["done"]
        known = {"url": first["url"]} if resume_by == "url" else {"resume": True, "urls": urls}
        second = self.run(product.address, photo, **known)
        assert second["done"]
        assert second["url"] == first["url"]
        assert second["started"] >= 3 * CHUNK
        immich.wait_for(photo.read_bytes())

    def test_through_cuts(self, product: Product, immich: Immich, photo: Path) -> None:
        with Hostile(product.address) as network:
            network.allowance = int(2.5 * CHUNK)
            told = self.run(network.address, photo)
            assert told["done"]
            assert told["retries"] > 0
            assert network.sent < 1.1 * photo.stat().st_size
        immich.wait_for(photo.read_bytes())

    def test_terminate(self, product: Product, photo: Path) -> None:
        before = product.spool
        told = self.run(product.address, photo, abortAt=3 * CHUNK, terminate=True)
        assert product.tus.head(told["url"]).status == 404
        assert product.spool == before
