"""What the command line asks for."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path

from immich_drop import __version__, dotfile, host, logs, qr, rights
from immich_drop.app import App
from immich_drop.check import Finding, Level, check, exit_code, table
from immich_drop.db import Db
from immich_drop.errors import NotFound, StateConflict, Unavailable
from immich_drop.ledger import Ledger
from immich_drop.settings import Settings, SettingsError
from immich_drop.spool import Spool
from immich_drop.standin import StandIn

log = logging.getLogger(__name__)

WRONG = 2
"""Exit code for what only the host can mend."""

INTERRUPTED = 128 + signal.SIGINT
"""Exit code after Ctrl-C, as shells have it."""

DEMO = Path("demo")

DEMO_HEEDS = ("HOST", "PORT", "MIN_FREE_DISK", "LOG_LEVEL", "LOG_FORMAT")
"""Settings of this machine; all others are about the real drop, its address and its library."""

PASSWORD = "demo"
"""Of the demo's second link."""


def main(arguments: Sequence[str]) -> int:
    """Serve, or do what the arguments say; gives the exit code."""
    chosen = _read(arguments)
    try:
        return _do(chosen)
    except SettingsError as mistakes:
        print(f"Please correct {dotfile.place()}:\n{mistakes}", file=sys.stderr)
    except BrokenPipeError:  # whoever reads has enough, as `head`; Python would try once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Unavailable, OSError) as error:
        what = f"{chosen.command} failed" if chosen.command else "Immich Drop cannot start"
        print(f"{what}: {error}", file=sys.stderr)
    except (NotFound, StateConflict) as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:  # who serves listens for it; a check may wait for a silent Immich
        return INTERRUPTED
    return WRONG


def _do(chosen: argparse.Namespace) -> int:
    written = dotfile.read()
    env = {**written, **os.environ}
    if chosen.demo:
        return asyncio.run(_demo(env))
    settings = Settings.from_env(env)
    advices = dotfile.advise(written, os.environ)
    if chosen.command or chosen.check is not None:
        return _answer(settings, chosen, advices)
    return asyncio.run(_serve(settings, advices))


def _answer(settings: Settings, chosen: argparse.Namespace, advices: Sequence[str]) -> int:
    """Do what is not to serve. Raises OSError also when nobody could read the answer."""
    if isinstance(sys.stdout, TextIOWrapper):  # guests' names have signs that a terminal may lack
        sys.stdout.reconfigure(errors="backslashreplace")
    if chosen.command == "qr":
        code = _qr(settings, chosen)
    elif chosen.command:
        code = asyncio.run(_command(settings, chosen))
    else:
        code = asyncio.run(_check(settings, chosen.check, advices))
    sys.stdout.flush()
    return code


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="server.py", description="Immich Drop. Without arguments: serve."
    )
    parser.add_argument("--version", action="version", version=f"Immich Drop {__version__}")
    parser.add_argument("--demo", action="store_true", help="serve with a stand-in for Immich")
    parser.add_argument(
        "--check",
        nargs="?",
        const="",
        metavar="LINK",
        help="test settings, key, album and disk, or also a shared link",
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    command = commands.add_parser("status", help="what waits, since when, why, and from whom")
    command.add_argument("--all", action="store_true", help="name every upload that needs you")
    words = argparse.ArgumentParser(add_help=False)
    words.add_argument("words", nargs="*", metavar="ID|CODE", help="as status names uploads")
    commands.add_parser("retry", parents=[words], help="try failed uploads again: these, or all")
    purge = commands.add_parser("purge", parents=[words], help="give uploads up and delete them")
    purge.add_argument("--all", action="store_true", help="delete every upload that failed")
    command = commands.add_parser("qr", help="the drop's address as a QR code")
    command.add_argument("url", nargs="?", help="instead of PUBLIC_URL")
    command.add_argument("--svg", metavar="FILE", help="to print, instead of on the terminal")
    command = commands.add_parser("export", help="write out the ledger of what arrived")
    command.add_argument("--format", choices=("csv", "json"), default="csv")
    chosen = parser.parse_args(arguments)
    if chosen.command == "purge" and chosen.all == bool(chosen.words):
        purge.error("name uploads by ID or code, or say --all for every one that failed")
    return chosen


async def _serve(settings: Settings, advices: Sequence[str] = (), also: Sequence[str] = ()) -> int:
    """Serve until a signal comes; `also` is said when it is open, where `{}` is the address."""
    logs.configure(level=settings.log_level, style=settings.log_format)
    stopping = _listen_for_signals()
    os.umask(0o077)  # what guests bring, and who they are, is nobody's business on this machine
    for advice in advices:
        log.warning("%s", advice)
    app = App(settings)
    with _rights_explained(settings):
        address = await app.start()
    log.info(
        "version %s at %s, database %s, spool %s",
        __version__,
        address,
        settings.state_db,
        settings.spool,
    )
    for line in ("Immich Drop is open at {}", *also):
        _say(line.format(address), settings.log_format)
    await stopping.wait()
    await app.stop()
    log.info("Immich Drop has stopped")
    return 0


def _say(line: str, style: str) -> None:
    """Print a line for whoever starts it; a machine that reads all we write finds it in the log."""
    if style == "json":
        log.info("%s", line)
        return
    with suppress(OSError):  # nobody reads it, or its disk is full: guests may come all the same
        print(line, flush=True)


async def _demo(env: Mapping[str, str | None]) -> int:
    """Serve with a stand-in for Immich, which keeps what it gets in a folder."""
    async with AsyncExitStack() as stack:
        standin = StandIn(DEMO / "library")
        base_url = await standin.start()
        stack.push_async_callback(standin.stop)
        standin.make_link(album="The party", slug="party", description="Show us what you saw!")
        standin.make_link(album="The rowing club", slug="club", password=PASSWORD)
        also = [
            "A shared link is at {}s/party/",
            f"One with password {PASSWORD} is at {{}}s/club/",
            f"What arrives is kept in {DEMO / 'library'}",
        ]
        heeded = {key: env[key] for key in DEMO_HEEDS if key in env}
        own = {
            "IMMICH_BASE_URL": base_url,
            "IMMICH_API_KEY": standin.key,
            "STATE_DB": str(DEMO / "state.db"),
            "SPOOL_DIR": str(DEMO / "spool"),
            "IMMICH_ALBUM_NAME": "Wedding",
            "DROP_TITLE": "Anna & Tom's wedding",
            "DROP_MESSAGE": "Please drop your photos and videos here!",
            "GUEST_NAME": "optional",
        }
        return await _serve(Settings.from_env(heeded | own), also=also)


async def _check(settings: Settings, shared_link: str, advices: Sequence[str]) -> int:
    findings = [
        Finding(level=Level.WARNING, about="settings", sentence=advice) for advice in advices
    ]
    findings += await check(
        base_url=settings.immich_base_url,
        api_key=settings.immich_api_key,
        album_name=settings.immich_album_name,
        state_db=settings.state_db,
        spool=settings.spool,
        min_free=settings.min_free_disk,
        shared_link=shared_link,
    )
    print(table(findings))
    return exit_code(findings)


def _qr(settings: Settings, chosen: argparse.Namespace) -> int:
    url = chosen.url or settings.public_url
    if not url:
        raise SettingsError("PUBLIC_URL is not set: write the address behind qr")
    if chosen.svg:
        qr.save(url, Path(chosen.svg))
    else:
        qr.show(url)
    return 0


async def _command(settings: Settings, chosen: argparse.Namespace) -> int:
    db, spool = Db(settings.state_db), Spool(settings.spool)
    with _rights_explained(settings):
        db.visit(writing=chosen.command in ("retry", "purge"))
    try:
        if chosen.command == "status":
            return host.status(db, print, all_=chosen.all)
        if chosen.command == "export":
            host.export(Ledger(db), chosen.format)
        elif chosen.command == "retry":
            again = _uploads(await host.retry(db, chosen.words))
            print(f"{again} will be tried again, within a minute if the drop runs.")
        else:
            print(f"{_uploads(await host.purge(db, spool, chosen.words))} deleted.")
    finally:
        db.close()
        spool.close()
    return 0


def _uploads(count: int) -> str:
    return f"{count} upload{'s' * (count != 1)}"


@contextmanager
def _rights_explained(settings: Settings) -> Iterator[None]:
    """Add what this user may not write to, if that can be the reason, to an error."""
    try:
        yield
    except (Unavailable, OSError) as error:
        if advice := rights.advice(settings.state_db, settings.spool):
            raise Unavailable(f"{error}\n{advice}") from error
        raise


def _listen_for_signals() -> asyncio.Event:
    """Set the event at the first SIGTERM, SIGINT or SIGHUP; end at once at another SIGTERM, SIGINT.

    A terminal that closes may send SIGHUP twice; under nohup it means nothing.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            os._exit(1)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGHUP, stopping.set)
    return stopping
