"""Checks Immich: its address, version, key, account and album."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from itertools import chain
from socket import gaierror
from urllib.parse import urlsplit

from tornado.httpclient import HTTPClientError

from immich_drop.check.finding import Finding, error, exit_code, ok, warning
from immich_drop.check.link import link
from immich_drop.errors import ImmichError, ImmichKeyRejected, ImmichPermission
from immich_drop.immich import NOBODYS, Account, ApiKey, Immich

Version = tuple[int, int, int]

OLDEST: Version = (1, 106, 0)
SCOPED: Version = (1, 141, 0)
"""The first version in which a key needs no permission but asset.upload."""

NEEDED = ("asset.upload",)
NEEDED_FOR_ALBUM = ("album.read", "album.create", "albumAsset.create")

HELPFUL = {
    "asset.read": "a file can be verified after Immich failed in mid-upload",
    "asset.delete": "a photo in the trash is restored when a guest brings it again",
    "user.read": "the quota is known before it is used up",
}
NEARLY_FULL = 0.9

_CAUSES: dict[type[BaseException], str] = {
    gaierror: "The name does not resolve here. In Docker, write the name of Immich's service.",
    ConnectionRefusedError: "Nothing listens there. Is Immich up, and the port right (2283)?",
    ssl.SSLError: "Is it really https, and does this machine trust the certificate?",
    HTTPClientError: "No answer comes from there: is there a firewall, or another program?",
    OSError: "It cannot be reached from here: check host, port and network.",
}
_SIGNS = {
    "maintenance": "Wait until it is over; what arrives meanwhile is kept.",
    "redirected": "Write Immich's own address, behind any login page and with the right http(s).",
    "proxy's page": "Write Immich's own address, not that of a page in front of it.",
    "404 ": "Check the path: Immich's API is at /api.",
    "406 ": "Check the path: Immich's API is at /api.",
}


async def server(
    *, base_url: str, api_key: str, album_name: str, shared_link: str
) -> AsyncIterator[Finding]:
    """Check everything that deliveries need from Immich, until something fails."""
    complete = base_url if base_url.endswith("/api") else f"{base_url}/api"
    failures = []
    for address in dict.fromkeys((base_url, complete)):
        immich = Immich(base_url=address, credential=ApiKey(api_key), max_connections=2)
        with closing(immich):
            try:
                version = await immich.version()
            except ImmichError as failure:
                failures.append(failure)
                continue
            if failures:
                sentence = f"{_shown(base_url)} is not Immich's API; with /api it is."
                yield error("address", sentence, f"Write IMMICH_BASE_URL={_shown(complete)}")
            yield _version(address, version, by_key=bool(api_key))
            answers = _keyed(immich, version, album_name) if api_key else _keyless(immich)
            async for finding in answers:
                yield finding
            if shared_link:
                async for finding in link(base_url=address, address=shared_link):
                    yield finding
            return
    yield _unreachable(base_url, failures[0])


async def _keyless(immich: Immich) -> AsyncIterator[Finding]:
    yield ok("key", "IMMICH_API_KEY is not set: guests come in by Immich's shared links only.")
    try:
        types = await immich.media_types()
    except ImmichError as failure:
        yield error("server", f"{failure}.", _advice(failure))
        return
    yield ok("server", f"It takes {len(types)} types of files.")


async def _keyed(immich: Immich, version: Version, album_name: str) -> AsyncIterator[Finding]:
    try:
        findings = await _key(immich, version, album_name)
        for finding in findings:
            yield finding
        if account := await immich.account():
            for finding in _account(account):
                yield finding
        if album_name and not exit_code(findings):
            yield await _album(immich, album_name)
    except ImmichKeyRejected as failure:
        advice = "Make a key in Immich under Account Settings, API Keys; copy it without quotes."
        yield error("key", f"Immich does not know IMMICH_API_KEY: {failure}.", advice)
    except ImmichPermission as failure:
        yield error("key", f"{failure}.", "Make a key that has it.")
    except ImmichError as failure:
        yield error("server", f"{failure}.", _advice(failure))


def _unreachable(address: str, failure: ImmichError) -> Finding:
    sentence = f"Immich does not answer at {_shown(address)}: {failure}."
    return error("address", sentence, _advice(failure))


def _advice(failure: ImmichError) -> str:
    causes = (text for kind, text in _CAUSES.items() if isinstance(failure.__cause__, kind))
    signs = (text for sign, text in _SIGNS.items() if sign in str(failure))
    return next(chain(causes, signs), "Look at Immich's log.")


def _version(address: str, version: Version, *, by_key: bool) -> Finding:
    sentence = f"Immich {_name(version)} answers at {_shown(address)}."
    if version < OLDEST:
        return error("version", sentence, f"Update Immich to {_name(OLDEST)} or newer.")
    if version < SCOPED and by_key:
        return warning(
            "version",
            sentence,
            f"From 1.136 until {_name(SCOPED)} only a key with all permissions can look for"
            " duplicates in bulk before sending; update Immich when you can.",
        )
    return ok("version", sentence)


async def _key(immich: Immich, version: Version, album_name: str) -> list[Finding]:
    scopes = await immich.permissions()
    if scopes is None:
        return [await _try_out(immich)]
    if "all" in scopes:
        enough = f"{', '.join(_needed(album_name))} would be enough."
        return [ok("key", "The key has all permissions.", enough if version >= SCOPED else "")]
    tried = [await _try_out(immich)] if version < SCOPED else []
    helpful = _helpful(scopes, orphans=await immich.may_keep_orphans())
    return [*tried, *_missing(scopes, album_name), *helpful]


async def _try_out(immich: Immich) -> Finding:
    """Try the key: Immich does not list its permissions, or the list does not tell enough.

    Raises ImmichPermission when it may not upload.
    """
    if await immich.may_check():
        return ok("key", "Immich accepts the key.")
    await immich.find([NOBODYS])
    sentence = "The key may not look for duplicates ahead in bulk; each file is looked up alone."
    return warning("key", sentence, "Give it all permissions, or update Immich.")


def _needed(album_name: str) -> tuple[str, ...]:
    return (*NEEDED, *(NEEDED_FOR_ALBUM if album_name else ()))


def _missing(scopes: frozenset[str], album_name: str) -> Iterator[Finding]:
    needed = _needed(album_name)
    if missing := [scope for scope in needed if scope not in scopes]:
        sentence = f"The key lacks {', '.join(missing)}."
        yield error("key", sentence, "Add it in Immich under Account Settings, API Keys.")
    else:
        yield ok("key", f"The key has {', '.join(needed)}.")


def _helpful(scopes: frozenset[str], *, orphans: bool) -> Iterator[Finding]:
    for scope, use in HELPFUL.items():
        sentence = f"The key does not have {scope}."
        if scope in scopes:
            continue
        if scope == "asset.read" and orphans:
            advice = "Add it: without it, a file at which Immich failed waits until you do."
            yield warning("key", sentence, advice)
        else:
            yield ok("key", sentence, f"Optional: with it {use}.")


def _account(account: Account) -> Iterator[Finding]:
    if account.is_admin:
        yield warning(
            "account",
            "The key is an administrator's.",
            "Make a user for the occasion, and the key in its account.",
        )
    if account.quota is None:
        yield ok("quota", "The account has no quota.")
        return
    left = max(0, account.quota - account.usage) / 1e9
    sentence = f"{left:.1f} of {account.quota / 1e9:.1f} GB are left in the account."
    if account.usage >= account.quota:
        yield error("quota", sentence, "Raise the quota: Immich takes nothing more.")
    elif account.usage >= NEARLY_FULL * account.quota:
        yield warning("quota", sentence, "Raise the quota before the guests come.")
    else:
        yield ok("quota", sentence)


async def _album(immich: Immich, name: str) -> Finding:
    if await immich.find_album(name):
        return ok("album", f"Everything will join the album {name!r}, which is there.")
    return ok("album", f"The album {name!r} will be made with the first photo.")


def _shown(address: str) -> str:
    """Return the address without the user name and password it may contain."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _name(version: Version) -> str:
    return ".".join(map(str, version))
