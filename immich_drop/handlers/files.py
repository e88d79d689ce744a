"""`/files/`: tus 1.0.0 over HTTP."""

from immich_drop import tus
from immich_drop.errors import TooLarge
from immich_drop.handlers.body import BodyHandler
from immich_drop.upload import State


class CreationHandler(BodyHandler):
    """`/files/`: where uploads begin."""

    VERBS = ("POST", "OPTIONS")

    async def open(self) -> None:
        """Create the upload, and take its first bytes if they come along."""
        if self.request.method == "OPTIONS":
            return
        tus.check_version(self.request.headers)
        creation = tus.read_creation(self.request.headers, max_size=self.parts.max_size)
        size = self.body_size
        if not creation.with_upload:
            size = 0
        elif size is not None and size > (creation.length or self.parts.max_size):
            raise TooLarge(f"{size} bytes of {creation.length}")
        self.upload = await self.parts.creator.create(creation, address=self.address)
        # A page that asks again may find some bytes here already; then it goes on from there,
        # and what comes along now is dropped.
        fresh = (
            self.upload.state is State.RECEIVING and self.parts.receiver.offset(self.upload) == 0
        )
        if size != 0 and fresh:
            chunk = tus.Chunk(offset=0, length=None, checksum=creation.checksum)
            self.reception = await self.parts.receiver.begin(
                self.upload.id, chunk, size=size, evict=self.evict
            )

    async def post(self) -> None:
        upload = await self.end_body() or self.upload
        offset = self.parts.receiver.offset(upload)
        self.put_headers(
            tus.offset_headers(upload, offset=offset, expiration=self.parts.expiration)
        )
        self.set_header(
            "Location", f"{self.parts.forwarded.base_url(self.request)}/files/{upload.id}"
        )
        self.set_status(201)

    async def options(self) -> None:
        await self.end_body()
        self.put_headers(tus.options_headers(max_size=self.parts.max_size))
        self.set_status(204)


class UploadHandler(BodyHandler):
    """`/files/{id}`: the upload URL."""

    VERBS = ("HEAD", "PATCH", "DELETE", "OPTIONS")

    async def open(self) -> None:
        """Open the upload for a chunk."""
        if self.request.method == "OPTIONS":
            return
        tus.check_version(self.request.headers)
        if self.request.method == "PATCH":
            chunk = tus.read_chunk(self.request.headers, max_size=self.parts.max_size)
            self.reception = await self.parts.receiver.begin(
                self.path_args[0], chunk, size=self.body_size, evict=self.evict
            )

    async def head(self, upload_id: str) -> None:
        await self.end_body()
        upload, offset = await self.parts.receiver.inspect(upload_id)
        self.put_headers(tus.state_headers(upload, offset=offset, expiration=self.parts.expiration))

    async def patch(self, upload_id: str) -> None:
        upload = await self.end_body()
        if upload is not None:
            offset = self.parts.receiver.offset(upload)
            self.put_headers(
                tus.offset_headers(upload, offset=offset, expiration=self.parts.expiration)
            )
            self.set_status(204)

    async def delete(self, upload_id: str) -> None:
        await self.end_body()
        await self.parts.receiver.terminate(upload_id)
        self.set_status(204)

    async def options(self, upload_id: str) -> None:
        await self.end_body()
        self.put_headers(tus.options_headers(max_size=self.parts.max_size))
        self.set_status(204)
