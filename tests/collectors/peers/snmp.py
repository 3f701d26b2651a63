"""SNMP agents (pysnmp's command responder), v2c and v3: an APC and a Raritan PDU by their MIBs' OIDs."""

from __future__ import annotations

from typing import Any

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import cmdrsp, context
from pysnmp.proto import rfc1902
from pysnmp.proto.rfc1905 import NoSuchInstance
from pysnmp.smi.instrum import AbstractMibInstrumController
from tests.collectors.peers.values import wave

APC = "1.3.6.1.4.1.318.1.1.26"
APC_IDENTITY = "1.3.6.1.4.1.318.1.3.4.6"
RARITAN = "1.3.6.1.4.1.13742.6"


def apc(device: int) -> dict[str, Any]:
    """OIDs and values of a rack PDU of APC's with its probe."""
    power = wave(5000, 600, device)
    return {
        "1.3.6.1.2.1.1.1.0": rfc1902.OctetString("APC Web/SNMP Management Card, AP8853"),
        "1.3.6.1.2.1.1.2.0": rfc1902.ObjectIdentifier(APC_IDENTITY),
        "1.3.6.1.2.1.1.5.0": rfc1902.OctetString(f"pdu-{device:02}"),
        "1.3.6.1.2.1.1.6.0": rfc1902.OctetString("Rack A03"),
        f"{APC}.4.3.1.5.1": rfc1902.Integer32(round(power / 10)),
        f"{APC}.4.3.1.9.1": rfc1902.Integer32(81_234),
        f"{APC}.6.3.1.5.1": rfc1902.Integer32(round(power / 23)),
        f"{APC}.6.3.1.6.1": rfc1902.Integer32(round(wave(230, 2, device))),
        f"{APC}.10.2.2.1.8.1": rfc1902.Integer32(round(wave(235, 12, device))),
        f"{APC}.10.2.2.1.10.1": rfc1902.Integer32(-1),
    }


def raritan(device: int) -> dict[str, Any]:
    """OIDs and values of a Raritan PX with one decimal digit of voltage and three of current; no energy."""
    values, digits = f"{RARITAN}.5.2.3.1.4.1.1", f"{RARITAN}.3.3.4.1.7.1.1"
    return {
        "1.3.6.1.2.1.1.1.0": rfc1902.OctetString("Raritan Dominion PX"),
        "1.3.6.1.2.1.1.2.0": rfc1902.ObjectIdentifier(f"{RARITAN}.1"),
        "1.3.6.1.2.1.1.5.0": rfc1902.OctetString(f"px-{device:02}"),
        f"{values}.5": rfc1902.Gauge32(round(wave(3000, 300, device))),
        f"{values}.4": rfc1902.Gauge32(2315),
        f"{values}.1": rfc1902.Gauge32(12_987),
        f"{digits}.5": rfc1902.Integer32(0),
        f"{digits}.4": rfc1902.Integer32(1),
        f"{digits}.1": rfc1902.Integer32(3),
    }


class _Table(AbstractMibInstrumController):
    """Answers from a function of the present."""

    def __init__(self, measure: Any) -> None:
        self._measure = measure

    def read_variables(self, *bindings: Any, **_context: Any) -> list[tuple[Any, Any]]:
        now = self._measure()
        return [(name, now.get(".".join(str(part) for part in name), NoSuchInstance(""))) for name, _ in bindings]


class Agent:
    """One agent on its own port. ``user`` with both passwords makes it speak v3 as well."""

    def __init__(
        self, measure: Any, community: str, port: int = 0, *, user: str = "", auth: str = "", private: str = ""
    ) -> None:
        self._engine = engine.SnmpEngine()
        self.transport = udp.UdpAsyncioTransport().open_server_mode(("127.0.0.1", port))
        config.add_transport(self._engine, udp.DOMAIN_NAME, self.transport)
        config.add_v1_system(self._engine, "area", community)
        config.add_vacm_user(self._engine, 2, "area", "noAuthNoPriv", (1, 3, 6), ())
        if user:
            config.add_v3_user(
                self._engine, user, config.USM_AUTH_HMAC192_SHA256, auth, config.USM_PRIV_CFB128_AES, private
            )
            config.add_vacm_user(self._engine, 3, user, "authPriv", (1, 3, 6), ())
        view = context.SnmpContext(self._engine)
        view.unregister_context_name(b"")
        view.register_context_name(b"", _Table(measure))
        cmdrsp.GetCommandResponder(self._engine, view)
        self._engine.transport_dispatcher.job_started(1)

    async def port(self) -> int:
        """Where it listens."""
        await self.transport._lport
        return int(self.transport.transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        """Stop."""
        self._engine.close_dispatcher()
