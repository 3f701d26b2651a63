"""`racktwin optimise` with prices: which of its options fit together, and what is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from racktwin_cli.failures import Failure
from racktwin_cli.optimise import _priced


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    tariff, carbon = tmp_path / "tariff.csv", tmp_path / "carbon.csv"
    tariff.write_text("time,EUR/kWh\n0,0.3\n", encoding="utf-8")
    carbon.write_text("time,g/kWh\n0,300\n", encoding="utf-8")
    return tariff, carbon


def test_the_files_texts_are_asked_with(files: tuple[Path, Path]) -> None:
    tariff, carbon = files
    assert _priced(None, None, None) == {}
    assert _priced(tariff, None, None) == {"tariff": "time,EUR/kWh\n0,0.3\n"}
    assert _priced(None, carbon, None) == {"carbon": "time,g/kWh\n0,300\n"}
    assert _priced(tariff, carbon, "80 EUR/t") == {
        "tariff": "time,EUR/kWh\n0,0.3\n",
        "carbon": "time,g/kWh\n0,300\n",
        "carbonPrice": "80 EUR/t",
    }


def test_both_series_want_a_price_of_carbon(files: tuple[Path, Path]) -> None:
    with pytest.raises(Failure, match="expected --carbon-price with both"):
        _priced(*files, None)


def test_a_price_of_carbon_wants_carbon(files: tuple[Path, Path]) -> None:
    with pytest.raises(Failure, match="expected --carbon with it"):
        _priced(files[0], None, "80 EUR/t")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "tariff.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Failure, match=r"tariff\.csv.*expected lines of time and value"):
        _priced(path, None, None)
