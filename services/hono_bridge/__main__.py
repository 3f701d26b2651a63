"""``python -m hono_bridge``."""

from hono_bridge.service import run
from hono_bridge.settings import BridgeSettings
from racktwin.process import main

if __name__ == "__main__":
    main("hono_bridge", BridgeSettings, run)
