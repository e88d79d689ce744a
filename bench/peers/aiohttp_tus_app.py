"""aiohttp-tus: `python aiohttp_tus_app.py PORT FOLDER`."""

import sys
from pathlib import Path

from aiohttp import web
from aiohttp_tus import setup_tus

app = web.Application(client_max_size=1 << 40)
setup_tus(app, upload_path=Path(sys.argv[2]), upload_url="/files")
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
