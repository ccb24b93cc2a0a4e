"""PyPI's nostr-relay on a port of loopback that is free. Its configuration is the first argument."""

import sys
from pathlib import Path

import nostr_relay
import uvicorn
from alembic import config
from nostr_relay.config import Config
from nostr_relay.web import create_app

Config.load(sys.argv[1])
# As its own command `serve` does: the tables come first.
config.main([f"-c{Path(nostr_relay.__file__).parent / 'alembic.ini'}", "upgrade", "head"])
uvicorn.run(create_app(sys.argv[1]), host="127.0.0.1", port=0, ws_max_size=8 << 20)
