"""Run Immich Drop: `python server.py`, settings from `.env` (the real environment wins)."""

import sys

from immich_drop.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
