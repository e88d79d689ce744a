"""Every failure we can explain to a person, in one tree.

    DropError                     status · code · a sentence for a guest
    ├── BadRequest                400   the request breaks tus or this interface
    │   ├── BadMetadata           400
    │   ├── NameRequired          400   the host wants to know who brings the file
    │   ├── EmptyFile             400
    │   └── UnsupportedChecksum   400
    ├── PasswordRequired          401   the link is locked
    ├── PasswordWrong             403
    ├── ForeignOrigin             403   another site made a guest's browser send it
    ├── LinkNoUpload              403   Immich knows the link, but it is for viewing only
    ├── LinkNeeded                404   there is no drop without a link
    ├── LinkUnknown               404   Immich does not know the link
    ├── NotFound                  404   no such upload (any more), or not this session's
    ├── MethodNotAllowed          405
    ├── OffsetConflict            409   tus 1.0.0, PATCH
    ├── StateConflict             409   the upload is past the point where this is possible
    ├── LinkExpired               410
    ├── UnsupportedVersion        412   tus 1.0.0, Tus-Resumable
    ├── TooLarge                  413   the file, or more bytes than announced
    ├── SessionFull               413   the session's byte allowance is used up
    ├── WrongContentType          415   tus 1.0.0, PATCH
    ├── TypeNotAccepted           415   Immich does not take files of this extension
    ├── Superseded                423   a newer request on the same upload took over
    ├── RateLimited               429   with Retry-After
    │   ├── TooManyUploads        429
    │   └── TooManyConnections    429
    ├── HeadersTooLarge           431
    ├── ChecksumMismatch          460   tus 1.0.0, checksum extension
    ├── Unavailable               503   our own disk or database does not answer; with Retry-After
    │   └── SpoolMissing          503   the bytes of an upload are not where they were
    ├── DiskFull                  507   what is stored is safe
    └── ImmichError               502   why a delivery did not end in Immich
        ├── ImmichHold            502   nothing can be delivered until this is over
        │   ├── ImmichUnavailable 503   down, unreachable, maintenance, a proxy's error page
        │   ├── ImmichKeyRejected 502   Immich's 401
        │   │   └── LinkRevoked   410   the link was deleted, or may not upload any more
        │   ├── ImmichPermission  502   Immich's 403; the detail names the missing scope
        │   ├── ImmichQuota       502   the library's owner is out of quota
        │   └── ImmichFailing     502   Immich fails at every file
        ├── ImmichTrouble         502   this delivery failed; trying again may help
        │   ├── ImmichFailed      502   Immich's 500
        │   ├── AlbumGone         502   the album was deleted, or is not ours any more
        │   ├── ImmichUnverified  502   Immich cannot show that it holds the bytes
        │   └── ImmichInTrash     502   the same bytes lie in Immich's trash
        └── ImmichRefused         502   Immich will never take this file
            ├── ImmichTypeRefused 502
            ├── ImmichTooLarge    502   a proxy in front of Immich limits the size
            └── Damaged           502   its bytes changed on our own disk

`message` is for a guest and never carries a detail; the argument of an exception is the detail, for
the host's log, and never leaves the server.
"""

from typing import ClassVar


class DropError(Exception):
    """A failure with an HTTP status, a stable code for the page, and a sentence for a guest."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    message: ClassVar[str] = "Something went wrong on our side."

    retry_after: int | None = None
    """Seconds after which trying again makes sense."""


class BadRequest(DropError):
    """The request breaks the tus protocol or this interface."""

    status = 400
    code = "bad_request"
    message = "The request is not understood."


class BadMetadata(BadRequest):
    """Upload-Metadata is malformed, or lacks what we need."""

    code = "bad_metadata"
    message = "The description of the file is not understood."


class EmptyFile(BadRequest):
    """A file of zero bytes: Immich would take it and show nothing."""

    code = "empty_file"
    message = "This file is empty."


class NameRequired(BadRequest):
    """The host wants to know who brings the file."""

    code = "name_required"
    message = "Please say who you are first."


class UnsupportedChecksum(BadRequest):
    """Upload-Checksum names an algorithm that is not offered, or is malformed."""

    code = "unsupported_checksum"
    message = "The checksum is not understood."


class PasswordRequired(DropError):
    """The link has a password, which this guest has not entered, or too long ago."""

    status = 401
    code = "password_required"
    message = "This link asks for a password."


class PasswordWrong(DropError):
    """It is not the link's password."""

    status = 403
    code = "password_wrong"
    message = "This is not the password."


class ForeignOrigin(DropError):
    """Another site made a guest's browser send this, or a proxy hides the host name guests use."""

    status = 403
    code = "foreign_origin"
    message = "This is only possible from the page itself."


class LinkNoUpload(DropError):
    """Immich knows the link, but whoever made it did not allow uploads."""

    status = 403
    code = "link_no_upload"
    message = "This link is only for looking at photos, not for adding some."


class LinkNeeded(DropError):
    """There is no drop at `/`: guests come in by links only."""

    status = 404
    code = "link_needed"
    message = "Please open the link you were given."


class LinkUnknown(DropError):
    """Immich does not know the link: mistyped, or it ended before any guest opened it."""

    status = 404
    code = "link_unknown"
    message = "This link is not valid, or not any more."


class LinkExpired(DropError):
    """The link has expired."""

    status = 410
    code = "link_expired"
    message = "This link has ended."


class NotFound(DropError):
    """There is nothing at this URL: above all, no such upload, or not one of this session."""

    status = 404
    code = "not_found"
    message = "There is nothing here, or not any more."


class MethodNotAllowed(DropError):
    """The URL exists, but not with this method: above all, files can never be downloaded."""

    status = 405
    code = "method_not_allowed"
    message = "This is not possible here."


class OffsetConflict(DropError):
    """Upload-Offset is not the current offset of the upload."""

    status = 409
    code = "offset_conflict"
    message = "The upload stands at another position."


class StateConflict(DropError):
    """The upload is past the point where this is possible."""

    status = 409
    code = "state_conflict"
    message = "This is not possible any more."


class UnsupportedVersion(DropError):
    """Tus-Resumable names another version than 1.0.0, or none."""

    status = 412
    code = "unsupported_version"
    message = "The tus protocol version is not supported."


class TooLarge(DropError):
    """The file is larger than allowed, or has more bytes than announced."""

    status = 413
    code = "too_large"
    message = "This file is too large."


class SessionFull(DropError):
    """The session has used up its byte allowance."""

    status = 413
    code = "session_full"
    message = "The limit of what one person may add is reached."


class WrongContentType(DropError):
    """PATCH without application/offset+octet-stream."""

    status = 415
    code = "wrong_content_type"
    message = "The content type is not supported."


class TypeNotAccepted(DropError):
    """Immich does not take files of this extension."""

    status = 415
    code = "type_not_accepted"
    message = "Files of this type are not accepted."


class Superseded(DropError):
    """A newer request on the same upload took over."""

    status = 423
    code = "superseded"
    message = "A newer connection took over this upload."
    retry_after = 1


class RateLimited(DropError):
    """More requests than this address or session may make."""

    status = 429
    code = "rate_limited"
    message = "Too many requests at once. Please wait a moment."

    def __init__(self, detail: str = "", *, retry_after: int = 10) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class TooManyUploads(RateLimited):
    """More unfinished uploads than this address or session may have."""

    code = "too_many_uploads"
    message = "Too many unfinished uploads. Please finish some first."


class TooManyConnections(RateLimited):
    """More connections than one address may have, or than there is room for."""

    code = "too_many_connections"


class HeadersTooLarge(DropError):
    """A header is larger than anything we need."""

    status = 431
    code = "headers_too_large"
    message = "The description of the file is too long."


class ChecksumMismatch(DropError):
    """The bytes do not match the checksum that the client sent."""

    status = 460
    code = "checksum_mismatch"
    message = "The file did not arrive intact."


class Unavailable(DropError):
    """Our own disk or database does not answer; what is stored is safe."""

    status = 503
    code = "unavailable"
    message = "The server is busy. Please try again in a moment."
    retry_after = 5


class SpoolMissing(Unavailable):
    """The spool does not hold an upload that was received: is its disk mounted?"""

    code = "spool_missing"


class DiskFull(DropError):
    """No room for more bytes; what is stored is safe."""

    status = 507
    code = "disk_full"
    message = "The server has no room for more at the moment."
    retry_after = 60


class ImmichError(DropError):
    """A delivery did not end in Immich."""

    status = 502
    code = "immich"
    message = "Immich did not take the file."


class ImmichHold(ImmichError):
    """No delivery can succeed until this is over: hold the queue, keep everything."""

    code = "immich_hold"
    message = "Waiting for Immich."


class ImmichUnavailable(ImmichHold):
    """Immich is down, unreachable, in maintenance, or a proxy answers in its place."""

    status = 503
    code = "immich_unavailable"
    retry_after = 30


class ImmichKeyRejected(ImmichHold):
    """The API key is wrong or revoked."""

    code = "immich_key"


class LinkRevoked(ImmichKeyRejected):
    """The link was deleted, or does not allow uploads any more.

    New guests are turned away; what was received before waits.
    """

    status = 410
    code = "link_revoked"
    message = "This link was closed."


class ImmichPermission(ImmichHold):
    """The API key lacks a permission; the detail names it."""

    code = "immich_permission"


class ImmichQuota(ImmichHold):
    """The quota of the library's owner is used up."""

    code = "immich_quota"


class ImmichFailing(ImmichHold):
    """Immich answers, but fails at one file after the other: is its disk full, its database gone?

    To go on would only send gigabytes for nothing, and leave rows without files (Immich #30349).
    """

    code = "immich_failing"


class ImmichTrouble(ImmichError):
    """This delivery failed; trying it again may help."""

    code = "immich_trouble"
    message = "Waiting for Immich."


class ImmichFailed(ImmichTrouble):
    """Immich answered 500: the cause may be this file, or anything else."""


class AlbumGone(ImmichTrouble):
    """The album was deleted or is not ours any more: a caller finds or creates it anew."""


class ImmichUnverified(ImmichTrouble):
    """Immich said it has the file but cannot show that it holds its bytes."""

    code = "immich_unverified"


class ImmichInTrash(ImmichTrouble):
    """The same bytes lie in Immich's trash and the key may not restore them."""

    code = "immich_in_trash"


class ImmichRefused(ImmichError):
    """Immich will never take this file."""

    code = "immich_refused"
    message = "Immich does not accept this file."


class ImmichTypeRefused(ImmichRefused):
    """Immich does not support the file's type."""

    code = "immich_type_refused"


class ImmichTooLarge(ImmichRefused):
    """A proxy in front of Immich answered 413."""

    code = "immich_too_large"
    message = "This file is too large for Immich's server."


class Damaged(ImmichRefused):
    """The bytes on our disk are not those we received: they must not get into the library."""

    code = "damaged"
    message = "This file was damaged on the server. Please send it again."
