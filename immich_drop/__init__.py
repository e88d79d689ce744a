"""Immich Drop: guests open a link, drop photos and videos, and they end up in Immich.

Two mirror halves which meet only on disk: `receive` (browser -> spool) and `forward`
(spool -> Immich). One file, one line:

    handlers -> receive.begin (locker, tus plan) -> Reception.write -> spool (file + SHA-1)
    -> receive.finish (verify, fsync, db: received) -> forward -> deliver: ask Immich by checksum,
    send (dated by capture), ask again -> db: stored -> progress -> spool.delete
"""

__version__ = "0.1.0"
"""As `--version` and the log tell it; CHANGELOG.md says what is in it."""
