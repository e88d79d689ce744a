"""What an answer means: the only module that interprets Immich's statuses, messages and shapes.

The body of an error is `{"message": str | list, "error", "statusCode"}` up to Immich 2.7, and
`{"message": str, "errors"?: [{"path", "message"}]}` in 3.x. A body that is not JSON comes from a
proxy, not from Immich.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from tornado.iostream import StreamClosedError

from immich_drop.errors import (
    DropError,
    ImmichError,
    ImmichFailed,
    ImmichKeyRejected,
    ImmichPermission,
    ImmichQuota,
    ImmichRefused,
    ImmichTooLarge,
    ImmichTrouble,
    ImmichTypeRefused,
    ImmichUnavailable,
    LinkUnknown,
    PasswordRequired,
    PasswordWrong,
)

T = TypeVar("T")

_DETAIL = 200
"""The most characters of an answer that get into the host's log."""

_HOST = re.compile(r"(?:https?:)?//(?:[^/?#]*@)?([^/?#@]{1,100})", re.IGNORECASE)

_BY_STATUS: dict[int, type[ImmichError]] = {
    408: ImmichTrouble,
    413: ImmichTooLarge,
    500: ImmichFailed,
}
_BY_STATUS_OF_IMMICH: dict[int, type[ImmichError]] = {
    400: ImmichRefused,
    401: ImmichKeyRejected,
    403: ImmichPermission,
}
_BY_MESSAGE: dict[str, type[ImmichError]] = {
    "Quota has been exceeded": ImmichQuota,
    "Unsupported file type": ImmichTypeRefused,
    "Unexpected end of form": ImmichTrouble,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP response, from Immich or from a proxy in front of it."""

    status: int
    body: bytes
    location: str = ""

    @property
    def ok(self) -> bool:
        """Whether the request succeeded (2xx)."""
        return 200 <= self.status < 300


def failure(answer: Answer) -> ImmichError:
    """Return the error that stands for an answer that is not 2xx."""
    said = _message(answer.body)
    if 300 <= answer.status < 400:
        host = _HOST.match(answer.location)
        where = host[1] if host else "another path"
        return ImmichUnavailable(f"redirected to {where}: a login page, or the base URL is wrong")
    if found := _BY_STATUS.get(answer.status):
        return found(f"{answer.status} {said or ''}".rstrip())
    if answer.status == 400 and not answer.body:
        return ImmichTrouble("400 without a word: the request did not arrive whole")
    if said is None:
        return ImmichUnavailable(f"{answer.status}: a proxy's page in place of Immich")
    return _failure_of_immich(answer.status, said)


def _failure_of_immich(status: int, said: str) -> ImmichError:
    if status == 400:
        for words, kind in _BY_MESSAGE.items():
            if words in said:
                return kind(said)
    return _BY_STATUS_OF_IMMICH.get(status, ImmichUnavailable)(f"{status} {said}")


def closed(rejected: ImmichKeyRejected, password: str | None) -> DropError:
    """Return the reason why a shared link does not open with this `password`."""
    said = str(rejected)
    if "Password required" in said or ("Invalid password" in said and not password):
        return PasswordRequired(said)  # Immich <= 2.5 has one message for missing and wrong
    if "Invalid password" in said:
        return PasswordWrong(said)
    # Before 1.137 links have no slugs: Immich ignores the slug and sees no credential at all.
    if "Invalid share" in said or "Authentication required" in said:
        return LinkUnknown(said)
    return rejected


def _message(body: bytes) -> str | None:
    """Return the message in the body of an error, or None if the body is not Immich's."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or "message" not in value:
        return None
    return " ".join("; ".join(_sentences(value)).split())[:_DETAIL]


def _sentences(value: dict[str, object]) -> Iterator[str]:
    message, errors = value["message"], value.get("errors")
    yield from map(str, message if isinstance(message, list) else [message])
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            path = error.get("path")
            where = ".".join(map(str, path)) if isinstance(path, list) else ""
            yield f"{where} {error.get('message', '')}".strip()


def reason(error: BaseException) -> str:
    """Describe why a connection failed or broke."""
    cause = (isinstance(error, StreamClosedError) and error.real_error) or error
    return f"{type(cause).__name__}: {cause}"[:_DETAIL]


def parsed(answer: Answer) -> object:
    """Return the JSON value in the body of an answer.

    Raises ImmichUnavailable: the body is not JSON.
    """
    try:
        value: object = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise _not_immich() from None
    return value


def maybe(value: object, name: str) -> object:
    """Return a member of a JSON object, or None if it is missing or `value` is no object."""
    return value.get(name) if isinstance(value, dict) else None


def member(value: object, name: str, kind: type[T]) -> T:
    """Return a member of a JSON object.

    Raises ImmichUnavailable: the object has no member of this name and type.
    """
    if isinstance(found := maybe(value, name), kind):
        return found
    raise _not_immich()


def elements(value: object) -> list[object]:
    """Return the elements of a JSON array.

    Raises ImmichUnavailable: `value` is not an array.
    """
    if isinstance(value, list):
        return value
    raise _not_immich()


def _not_immich() -> ImmichUnavailable:
    return ImmichUnavailable("a proxy's page in place of Immich")
