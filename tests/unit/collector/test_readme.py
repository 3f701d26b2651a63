"""The configuration in the README is one."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from collector import config, sources
from collector.model import ConfigError, Surroundings

REPOSITORY = Path(__file__).parents[3]


def test_the_readmes_configuration_is_taken(tmp_path: Path) -> None:
    text = (REPOSITORY / "README.md").read_text().partition("### Collect from devices")[2]
    block = text.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "collectors.yaml").write_text(block)
    (tmp_path / "places.csv").write_text("device,thing,sensor\nsensor-1,rack-a-r03-01,top\n")
    (tmp_path / "maps").mkdir()
    shipped = REPOSITORY / "services/collector/data/modbus/cooling-unit.yaml"
    (tmp_path / "maps/our-crah.yaml").write_text(shipped.read_text())
    made = sources.make(config.load(tmp_path / "collectors.yaml"), Surroundings("berlin", lambda: 0))
    assert [item.protocol for item in made] == ["snmp", "redfish", "modbus", "thingsboard"]
    # Paths are relative to the configuration.
    assert made[1].options.password.file == str(tmp_path / "secrets/bmc")  # type: ignore[attr-defined]


def test_a_secret_written_out_is_refused(tmp_path: Path) -> None:
    entry = {"name": "p", "protocol": "snmp", "map": "apc-rpdu2", "community": "public", "host": "h", "thing": "rack-a"}
    document = {
        "site": "t", "gateway": "g", "uplink": {"credentials": "s"}, "store": {"directory": "d"}, "collectors": [entry],
    }  # fmt: skip
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError, match="community"):
        sources.make(config.load(tmp_path / "c.yaml"), Surroundings("t", lambda: 0))
