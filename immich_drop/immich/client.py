"""The calls we make. The differences between Immich's versions (1.106 to 3.2) are hidden here."""

from base64 import b64encode
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from immich_drop.errors import (
    AlbumGone,
    ImmichKeyRejected,
    ImmichPermission,
    ImmichRefused,
)
from immich_drop.immich.answers import closed, elements, maybe, member, parsed
from immich_drop.immich.credentials import NAME, ApiKey, Credential
from immich_drop.immich.exchange import Exchange
from immich_drop.immich.facts import Account, Found, Sent, SharedLink
from immich_drop.immich.lookup import Lookup
from immich_drop.immich.multipart import envelope
from immich_drop.immich.outlet import Piece
from immich_drop.immich.post import Patience, Streamer

KEY_TELLS_SCOPES = (1, 139, 0)
ZERO_QUOTA_IS_A_QUOTA = (1, 132, 0)
KEEPS_NO_ORPHANS = (3, 1, 0)
JOINS_BY_ITSELF = (2, 7, 0)
"""2.6.0 shares what is uploaded through a link by the link, but outside its album (Immich #27063).
"""


class Immich:
    """One Immich server, accessed with one credential.

    `base_url` ends in /api. Every failed call raises an ImmichError; its details are short and
    contain no secrets.
    """

    def __init__(
        self,
        *,
        base_url: str,
        credential: Credential,
        max_connections: int,
        patience: Patience | None = None,
        senders: Executor | None = None,
    ) -> None:
        patience = patience or Patience()
        base_url = base_url.rstrip("/")
        self._credential = credential
        self._exchange = Exchange(
            base_url,
            credential,
            max_connections=max_connections,
            connect_timeout=patience.connect,
        )
        self._streamer = Streamer(base_url, patience, senders)
        self._lookup = Lookup(self._exchange, in_bulk=not self.by_link)

    def close(self) -> None:
        """Cancel lookups and close the connections."""
        self._lookup.close()
        self._exchange.close()
        self._streamer.close()

    @property
    def by_link(self) -> bool:
        """Whether the credential is a shared link.

        Then only uploading a file adds it to the album, even if the library already has it.
        """
        return not isinstance(self._credential, ApiKey)

    async def find(self, checksums: Sequence[bytes]) -> dict[bytes, Found]:
        """Return the assets that have these SHA-1s; concurrent callers share a request.

        If this credential may not use the bulk check, there is one request for each file. Whether
        an asset is in the trash remains unknown (None) with a link, and in some versions with a key
        that lacks asset.read.
        """
        return await self._lookup.find(checksums)

    async def may_check(self) -> bool:
        """Tell whether this credential may use the bulk check."""
        return await self._lookup.may_check()

    async def send(
        self,
        *,
        name: str,
        length: int,
        taken: datetime,
        checksum: bytes,
        device_asset_id: str,
        blocks: Generator[Piece],
        sent: Callable[[int], None],
        sidecar: bytes | None = None,
    ) -> Sent:
        """Upload one file of `length` bytes; `sent` is called with the bytes sent so far.

        `blocks` is read and closed, and `sent` called, in a thread that sends. When this returns,
        raises or is cancelled, the thread is done and the connection closed.

        `sidecar` is XMP that describes the file. If Immich already has the file, it ignores the
        sidecar.
        """
        instant = taken.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        form = envelope(
            fields={
                "deviceAssetId": device_asset_id,
                "deviceId": NAME,
                "fileCreatedAt": instant,
                "fileModifiedAt": instant,
                "isFavorite": "false",
            },
            name=name,
            sidecar=sidecar,
        )
        headers = {
            **self._credential.headers,
            "Content-Type": form.content_type,
            "Content-Length": str(len(form.head) + length + len(form.tail)),
        }
        if not self.by_link:
            # Saves the transfer if Immich got the same bytes elsewhere after our check. Through a
            # shared link, a duplicate that this header finds would not be added to the album.
            headers["x-immich-checksum"] = checksum.hex()
        body = form.filled(length, blocks, sent)
        answer = await self._streamer.post(self._exchange.address("/assets"), headers, body)
        return Sent.read(parsed(await self._exchange.accepted(answer)))

    async def proves(
        self, asset_id: str, *, checksum: bytes, length: int | None = None
    ) -> bool | None:
        """Tell whether an asset really has the bytes; None if this credential cannot tell.

        Without a `length` any will do.

        Before 3.1 a failed upload can leave a row without a file, which then counts as a
        duplicate. Such a row has no size, because Immich writes the size last. A link shows the
        assets that are in its album and not in the trash, and shows no checksum where the host
        hides metadata.
        """
        try:
            asset = await self._exchange.read("GET", f"/assets/{quote(asset_id, safe='')}")
        except ImmichPermission:
            return None
        except ImmichRefused:
            return False
        if self.by_link and maybe(asset, "checksum") is None:
            return None
        size = maybe(maybe(asset, "exifInfo"), "fileSizeInByte")
        same = member(asset, "checksum", str) == b64encode(checksum).decode()
        return same and (size == length if length is not None else size is not None)

    async def may_keep_orphans(self) -> bool:
        """Tell whether a failed upload may leave a row without a file in this version."""
        return await self.version() < KEEPS_NO_ORPHANS

    async def joins_by_itself(self) -> bool:
        """Tell whether this version adds what is uploaded through a link to the link's album."""
        return await self.version() >= JOINS_BY_ITSELF

    async def shows(self, asset_id: str) -> bool:
        """Tell whether this credential can see an asset; a link sees only those in its album."""
        try:
            await self._exchange.read("GET", f"/assets/{quote(asset_id, safe='')}")
        except (ImmichPermission, ImmichRefused):
            return False
        return True

    async def restore(self, asset_id: str) -> bool:
        """Take an asset out of the trash; False if this credential may not."""
        try:
            await self._exchange.ask("POST", "/trash/restore/assets", {"ids": [asset_id]})
        except (ImmichPermission, ImmichRefused):
            return False
        return True

    async def find_album(self, name: str) -> str | None:
        """Return the id of the oldest album with this name that the account owns."""
        # Without isOwned, 3.x also lists albums shared by others; <= 2.7 ignores the parameter.
        albums = elements(await self._exchange.read("GET", "/albums?isOwned=true"))
        same = [album for album in albums if member(album, "albumName", str) == name]
        oldest = min(same, key=lambda album: member(album, "createdAt", str), default=None)
        return member(oldest, "id", str) if oldest else None

    async def find_or_create_album(self, name: str) -> str:
        """Return the id of the album that `find_album` finds, or else of a new one."""
        if found := await self.find_album(name):
            return found
        made = await self._exchange.read("POST", "/albums", {"albumName": name})
        return member(made, "id", str)

    async def add_to_album(self, album_id: str, asset_id: str) -> bool:
        """Add an asset to an album; return whether it is in the album now. Raises AlbumGone."""
        path = f"/albums/{quote(album_id, safe='')}/assets"
        try:
            results = elements(await self._exchange.read("PUT", path, {"ids": [asset_id]}))
        except ImmichRefused as error:
            if "lbum not found" in str(error) or "Not found or no" in str(error):
                raise AlbumGone(str(error)) from error
            raise
        return any(
            member(result, "success", bool) or member(result, "error", str) == "duplicate"
            for result in results
            if member(result, "id", str) == asset_id
        )

    async def version(self) -> tuple[int, int, int]:
        """Return Immich's version."""
        answer = parsed(await self._exchange.ask_public("version"))
        return (
            member(answer, "major", int),
            member(answer, "minor", int),
            member(answer, "patch", int),
        )

    async def media_types(self) -> frozenset[str]:
        """Return the file extensions Immich accepts, in lower case and with their dot."""
        answer = parsed(await self._exchange.ask_public("media-types"))
        kinds = [member(answer, kind, list) for kind in ("image", "video")]
        return frozenset(str(extension).lower() for kind in kinds for extension in kind)

    async def permissions(self) -> frozenset[str] | None:
        """Return the scopes of the API key ("all" stands for every scope); None before 1.139."""
        if self.by_link or await self.version() < KEY_TELLS_SCOPES:
            return None
        answer = await self._exchange.read("GET", "/api-keys/me")
        return frozenset(map(str, member(answer, "permissions", list)))

    async def account(self) -> Account | None:
        """Return the account that owns the library; None if this credential may not ask."""
        try:
            answer = await self._exchange.read("GET", "/users/me")
        except ImmichPermission:
            return None
        account = Account.read(answer)
        if account.quota == 0 and await self.version() < ZERO_QUOTA_IS_A_QUOTA:
            return replace(account, quota=None)
        return account

    async def shared_link(self, password: str | None = None) -> SharedLink:
        """Return the properties of the shared link. Only with a ShareKey or ShareSlug.

        Immich accepts uploads through a password-protected link without the password, so we have to
        ask guests for it ourselves. Raises LinkUnknown (also for an expired link),
        PasswordRequired and PasswordWrong.
        """
        try:
            return SharedLink.read(await self._opened(password))
        except ImmichKeyRejected as error:
            raise closed(error, password) from error

    async def _opened(self, password: str | None) -> object:
        about = "/shared-links/me"
        if not password:
            return await self._exchange.read("GET", about)
        # In the body the password does not get into a proxy's log, and newer versions do not read
        # it anywhere else.
        given = {"password": password}
        try:
            answer = await self._exchange.ask_newer("POST", "/shared-links/login", given)
        except ImmichRefused:  # the link has no password (any more)
            return await self._exchange.read("GET", about)
        if answer is None:
            return await self._exchange.read("GET", f"{about}?{urlencode(given)}")
        return parsed(answer)
