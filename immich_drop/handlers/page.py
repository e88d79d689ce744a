"""`/`: the page and what it loads."""

from immich_drop.errors import DropError, NotFound
from immich_drop.handlers.base import DropHandler, blanked
from immich_drop.handlers.parts import Parts
from immich_drop.site import Asset, Site

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " media-src blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class SlashHandler(DropHandler):
    """`GET /share/{key}` or BASE_PATH: what a page loads lies below its address, ending in /."""

    def get(self) -> None:
        last = self.request.path.rpartition("/")[2]
        # Without the dot `https:evil.example` would be another site.
        self.redirect(f"./{last}/", permanent=True)

    head = get


class PhotoHandler(DropHandler):
    """`GET /share/{key}/photos/{id}`: Immich's address of one photo of a link; here is the drop."""

    def get(self, rest: str | None) -> None:
        self.redirect("../" * (rest or "").count("/") or "./")

    head = get


FOR_GOOD = "public, max-age=31536000, immutable"


class PageHandler(DropHandler):
    """`GET /`, and `GET /v-…/js/main.js` and the like."""

    def initialize(self, parts: Parts, site: Site) -> None:  # type: ignore[override]
        """Take what the routing table gives."""
        super().initialize(parts)
        self._site = site

    async def get(self, version: str | None = None, name: str = "index.html") -> None:
        if name == "index.html":
            try:
                await self.enter()
            except DropError as error:
                self._turn_away(error)
                return
        asset = self._find(name)
        # A page from before an update may get a newer file here, but must not keep it.
        lasting = {self._site.version: FOR_GOOD, None: "no-cache"}
        self._set_headers(cache=lasting.get(version, "no-store"))
        self.set_header("Etag", asset.etag)
        if self.check_etag_header():
            self.set_status(304)
        else:
            self._send(asset)

    head = get

    def _turn_away(self, error: DropError) -> None:
        """Say in a page of its own why the drop is not open to this guest, and what to do."""
        self.explain_status(error)
        self._set_headers(cache="no-store")
        self._send(self._find("door.html"))

    def _find(self, name: str) -> Asset:
        asset = self._site.find(name)
        if asset is None:
            raise NotFound(blanked(name))
        return asset

    def _send(self, asset: Asset) -> None:
        self.set_header("Content-Type", asset.content_type)
        if asset.zipped and "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.write(asset.zipped)
        else:
            self.write(asset.body)

    def compute_etag(self) -> str | None:
        """Leave the tag as `get` set it: it names the file, zipped or not."""
        return None

    def _set_headers(self, *, cache: str) -> None:
        self.set_header("Content-Security-Policy", POLICY)
        if self.parts.forwarded.base_url(self.request).startswith("https:"):
            # On plain http a browser only complains of it.
            self.set_header("Cross-Origin-Opener-Policy", "same-origin")
        self.set_header("Cache-Control", cache)
