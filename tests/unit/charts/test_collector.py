"""The configuration that the chart makes for the collectors is one that they take."""

from __future__ import annotations

import pytest
import yaml

from check_charts import rendering
from collector import config, sources
from collector.model import Surroundings

pytestmark = pytest.mark.timeout(600)

VALUES = """
collector:
  enabled: true
  uplink: amqp
  files:
    our-pdu.yaml: |
      title: ours
      source: measured
      points: [{feature: power, property: power, unit: W, address: 1}]
    places.csv: |
      host,thing
      192.0.2.7,cooling-crah-1
      192.0.2.8,cooling-crah-2
  volumes: [{name: recordings, mountPath: /recordings, persistentVolumeClaim: {claimName: recorded}}]
  collectors:
    - {name: posts, protocol: push, wsPort: 8089, token: {env: PUSH}, devices: [{device: a, thing: rack-a}],
       points: [{feature: environment.top, property: temperature, path: t}]}
    - {name: crahs, protocol: modbus, map: cooling-unit, devicesFile: places.csv}
    - {name: pdu, protocol: modbus, host: 192.0.2.9, map: our-pdu.yaml, thing: rack-a}
    - {name: old, protocol: files, pattern: /recordings/*.csv, ledger: /var/lib/collector/ledger.json,
       devices: [{thing: rack-b}], points: [{feature: environment.top, property: temperature, path: top}]}
hono: {amqp: {enabled: true}}
"""


def test_the_charts_configuration_with_its_files_is_a_collectors(tmp_path):
    (tmp_path / "values.yaml").write_text(VALUES)
    documents = rendering.render(None, files=[tmp_path / "values.yaml"])
    (found,) = [d for d in documents if d["kind"] == "ConfigMap" and d["metadata"]["name"].endswith("-collector")]
    for name, text in found["data"].items():
        (tmp_path / name).write_text(text)
    loaded = config.load(tmp_path / "collectors.yaml")
    assert loaded.uplink.amqp.endswith("-hono-amqp:5671") and loaded.uplink.amqp_tls
    made = {one.name: one for one in sources.make(loaded, Surroundings("berlin", lambda: 0))}
    assert set(made) == {"posts", "crahs/192.0.2.7/cooling-crah-1", "crahs/192.0.2.8/cooling-crah-2", "pdu", "old"}
    assert (made["posts"].options.host, made["posts"].options.tls_key) == ("0.0.0.0", "/etc/racktwin/tls/tls.key")
    (certificates,) = [
        yaml.safe_load(d["data"]["certificates.yaml"]) for d in documents if "certificates.yaml" in d.get("data", {})
    ]
    assert any("-collector.berlin.svc" in host for host in certificates["processes"]["hosts"])
