"""What Telegraf sends with the configuration that we ship: recorded from Telegraf 1.38.1, read by ingest."""

from __future__ import annotations

import json

from collector import maps
from ingest import packs
from ingest.intake import Inbound, format_of
from racktwin.catalogue import feature_of
from racktwin.names import thing_id

SERVER = thing_id("t", "server", "web-1")
RECORDED = (
    b'[{"n":"disk/utilization","v":58.58965803845276,"t":1795250280},{"n":"disk/total","v":270553174016,"t":1795250280},'
    b'{"n":"disk/used","v":57296756736,"t":1795250280},{"n":"cpu/loadAverage","v":8.86,"t":1795250280},'
    b'{"n":"memory/total","v":25274359808,"t":1795250280},{"n":"memory/used","v":8262418432,"t":1795250280},'
    b'{"n":"memory/utilization","v":32.69091084706615,"t":1795250280},{"n":"cpu/utilization","v":99.74999999994907,"t":1795250280}]'
)  # fmt: skip


def test_ingest_reads_every_record() -> None:
    assert format_of("application/senml+json", RECORDED) == "senml"
    decoded = packs.decode(Inbound("t", 0, 0, "t", SERVER, SERVER, {}, RECORDED, 0, "senml"))
    assert not decoded.bad and len(decoded.values) == len(json.loads(RECORDED))
    for value in decoded.values:
        assert value.thing == SERVER and value.time == 1_795_250_280_000
        feature = feature_of("server", value.feature or "")
        assert feature is not None and value.property in feature.by_name


def test_the_configuration_names_what_was_recorded() -> None:
    text = (maps.DATA / "telegraf/telegraf.conf").read_text()
    assert all(f'"{record["n"]}"' in text for record in json.loads(RECORDED))
