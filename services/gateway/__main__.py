"""``python -m gateway``."""

from gateway.service import run
from gateway.settings import GatewaySettings
from racktwin.process import main

if __name__ == "__main__":
    main("gateway", GatewaySettings, run)
