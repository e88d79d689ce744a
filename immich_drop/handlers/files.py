"""`/files/`: tus 1.0.0 over HTTP."""

from contextlib import suppress
from dataclasses import replace

from immich_drop import tus
from immich_drop.errors import NotFound, OffsetConflict, TooLarge
from immich_drop.handlers.body import BodyHandler
from immich_drop.upload import State, Upload


class FilesHandler(BodyHandler):
    """What both URLs share."""

    async def options(self, **path: str) -> None:
        await self.end_body()
        self.put_headers(tus.options_headers(max_size=self.parts.max_size))
        self.set_status(204)

    def say_offset(self, upload: Upload, offset: int) -> None:
        """Tell how far an upload is."""
        expires = self.parts.lifetime.expires(upload)
        self.put_headers(tus.offset_headers(offset=offset, expires=expires))
        self.renew_connection(upload)

    def renew_connection(self, upload: Upload) -> None:
        """Have a browser send the next chunk over a new connection.

        When a connection that served before is cut, Chromium sends the whole request again by
        itself, without a word to the page: megabytes to an offset that is past.
        """
        if upload.session is not None and upload.state is State.RECEIVING:
            self.set_header("Connection", "close")


class CreationHandler(FilesHandler):
    """`/files/`: where uploads begin."""

    async def open(self) -> None:
        """Create the upload, and take its first bytes if they come along."""
        if self.request.method == "OPTIONS":
            return
        tus.check_version(self.request.headers)
        creation = tus.read_creation(
            self.request.headers, max_size=self.parts.max_size, size=self.body_size
        )
        size = self.body_size if creation.with_upload else 0
        if size is not None and size > (creation.length or self.parts.max_size):
            raise TooLarge(f"{size} bytes of {creation.length}")
        creation = self._of_this_drop(creation)
        while True:
            upload = await self._find_or_create(creation)
            with suppress(NotFound):  # deleted meanwhile
                await self._go_on(upload.id, creation, size)
                return

    async def post(self) -> None:
        upload = await self.end_body()
        if upload is not None:
            self._say_created(upload, self.parts.receiver.offset(upload))

    async def _go_on(self, upload_id: str, creation: tus.Creation, size: int | None) -> None:
        """Take the first bytes, if they come along and none are here; else answer."""
        receiver = self.parts.receiver
        if size != 0:
            chunk = tus.Chunk(offset=0, length=None, checksum=creation.checksum)
            with suppress(OffsetConflict):
                self.reception = await receiver.begin(upload_id, chunk, size=size, evict=self.evict)
                return
        # Also one created just now: another request may have done so, and brought bytes. A client
        # that asks again goes on from where they end. A browser may have sent the request again by
        # itself: it need not send megabytes for nothing.
        upload, offset = await receiver.inspect(upload_id)
        self._say_created(upload, offset)
        self.set_header("Content-Length", "0")
        await self.answer_early()

    def _say_created(self, upload: Upload, offset: int) -> None:
        self.say_offset(upload, offset)
        self.set_header("Location", f"{self.url}/files/{upload.id}")
        self.set_status(201)

    async def _find_or_create(self, creation: tus.Creation) -> Upload:
        """Let who has begun go on, also by a link that was closed meanwhile."""
        if upload := self.parts.creator.find(creation):
            return upload
        link = await self.enter()
        return await self.parts.creator.create(creation, link=link.id, address=self.address)

    def _of_this_drop(self, creation: tus.Creation) -> tus.Creation:
        session = creation.metadata.session
        if session is None:
            return creation
        return replace(creation, metadata=replace(creation.metadata, session=self.scoped(session)))


class UploadHandler(FilesHandler):
    """`/files/{id}`: the upload URL."""

    async def open(self) -> None:
        """Open the upload for a chunk."""
        if self.request.method == "OPTIONS":
            return
        tus.check_version(self.request.headers)
        if self.request.method == "PATCH":
            chunk = tus.read_chunk(self.request.headers, max_size=self.parts.max_size)
            self.reception = await self.parts.receiver.begin(
                self.path_kwargs["upload_id"], chunk, size=self.body_size, evict=self.evict
            )

    async def head(self, upload_id: str) -> None:
        await self.end_body()
        upload, offset = await self.parts.receiver.inspect(upload_id)
        expires = self.parts.lifetime.expires(upload)
        self.put_headers(tus.state_headers(upload, offset=offset, expires=expires))
        self.renew_connection(upload)

    async def patch(self, upload_id: str) -> None:
        upload = await self.end_body()
        if upload is not None:
            self.say_offset(upload, self.parts.receiver.offset(upload))
            self.set_status(204)

    async def delete(self, upload_id: str) -> None:
        await self.end_body()
        await self.parts.lifetime.terminate(upload_id)
        self.set_status(204)
