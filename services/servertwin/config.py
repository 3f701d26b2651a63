"""The one schema of `config.yaml`: every command of the server twin reads its part, options win over it.

Names are camelCase in the file, as in Racktwin's resources. `racktwin experiment config` prints the file with every
default and what it means. Pure but for :func:`load`. Next: the commands.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from servertwin.failures import Failure, one_line

ENVIRONMENT: Final = "RACKTWIN_SERVER_CONFIG"
KINDS: Final = ("cpu", "memory", "disk", "network")
Kind = Literal["cpu", "memory", "disk", "network"]
_MIB: Final = 1 << 20


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Every(_Part):
    """How often each group is sampled (s): with each sample when null, never more often than `log.interval`."""

    cpu: float | None = Field(
        None, gt=0, description="Utilisation, in total and per core, waiting and stolen time, load."
    )
    frequency: float = Field(5.0, gt=0, description="Clock; on many cores the system reads one file per core.")
    memory: float | None = Field(None, gt=0, description="Main memory.")
    swap: float = Field(5.0, gt=0, description="Swap.")
    disk: float | None = Field(None, gt=0, description="Read and write rates, time with I/O in progress.")
    usage: float = Field(30.0, gt=0, description="How full the file system is.")
    network: float | None = Field(None, gt=0, description="Rates of real interfaces, and of loopback by itself.")
    sensors: float | None = Field(None, gt=0, description="Temperatures, fans, power of the processors.")
    battery: float = Field(30.0, gt=0, description="Charge, and whether mains is there.")
    count: float = Field(5.0, gt=0, description="How many processes there are.")
    drives: float = Field(300.0, gt=0, description="SMART attributes of the disks.")
    processes: float = Field(
        15.0, gt=0, description="The busiest processes: the one dear call, it reads every process."
    )


class Log(_Part):
    """`racktwin logger`."""

    interval: float = Field(1.0, ge=0.05, le=3600, description="Between samples (s).")
    duration: float | None = Field(None, gt=0, description="How long (s); until it is stopped when left out.")
    format: Literal["csv", "parquet"] = Field("csv", description="Of the file; its ending wins.")
    every: Every = Field(default_factory=Every, description="How often each group is sampled.")
    top: int = Field(3, ge=0, le=20, description="Busiest processes to name; 0 for none.")
    path: str = Field(default=os.path.abspath(os.sep), description="Whose file system's use is logged.")  # noqa: PTH100
    smartctl: str = Field(
        "smartctl",
        description="Command that tells of disks, with what goes before it (sudo -n smartctl); empty for none.",
    )
    rows_per_group: int = Field(60, ge=1, le=100_000, description="Rows of a Parquet row group.")
    exporter_port: int | None = Field(None, ge=0, le=65535, description="Serve /metrics there; 0 picks a free port.")
    exporter_host: str = Field("127.0.0.1", description="Address of /metrics.")


class Live(_Part):
    """Samples and experiments onto the twin, through Hono."""

    secret: str | None = Field(
        None,
        description="The server's credentials: a folder with a Secret's keys as files, a file (the Secret as JSON or "
        "YAML), or namespace/name of a Secret to read with the kubeconfig. Nothing is sent without it.",
    )
    interval: float = Field(1.0, gt=0, description="Between what is sent (s).")
    backlog: int = Field(
        3600, ge=1, description="Samples kept while the adapter is away; later ones are counted as lost."
    )


class Limits(_Part):
    """What no load may pass, whatever is asked for."""

    level: float = Field(100.0, gt=0, le=100, description="Highest level of any stressor (%).")
    duration: float = Field(3600.0, gt=0, description="Longest load (s).")
    reserve: int = Field(512 * _MIB, ge=0, description="Memory that stays free (bytes).")
    reserve_share: float = Field(10.0, ge=0, lt=100, description="Memory that stays free (% of what is installed).")
    memory: int | None = Field(
        None, gt=0, description="Most memory to take (bytes); no limit of its own when left out."
    )
    disk_file: int = Field(256 * _MIB, ge=_MIB, description="Most bytes on disk at a time.")
    disk_budget: int = Field(4096 * _MIB, ge=_MIB, description="Most bytes written in one load, for the disk's sake.")
    disk_reserve: int = Field(1024 * _MIB, ge=0, description="Bytes that stay free on the file system.")


class Stress(_Part):
    """`racktwin stress`; `disk_rate` and `network_rate` are what level 100 % means."""

    limits: Limits = Field(default_factory=Limits, description="What no load may pass.")
    disk_rate: float = Field(100.0 * _MIB, gt=0, description="Bytes/s written and read at 100 %.")
    network_rate: float = Field(125e6, gt=0, description="Bytes/s over loopback at 100 %.")
    folder: str | None = Field(
        None, description="Where the disk's temporary folder is made; the system's when left out."
    )
    niceness: int = Field(5, ge=0, le=19, description="How much the load yields to other work (POSIX).")


class Experiment(_Part):
    """`racktwin experiment schedule`."""

    seed: int = Field(1, description="Equal seeds give equal schedules.")
    phases: int = Field(8, ge=1, le=1000, description="How many.")
    stressors: tuple[Kind, ...] = Field(("cpu", "memory", "disk"), min_length=1, description="Which loads.")
    mode: Literal["sequential", "parallel", "mixed"] = Field(
        "sequential", description="One load at a time, several together, or one such phase in each round of loads."
    )
    levels: tuple[float, ...] = Field((30.0, 50.0, 70.0, 90.0), min_length=1, description="Levels to draw from (%).")
    memory_levels: tuple[float, ...] = Field((5.0, 10.0), min_length=1, description="Levels of memory (%).")
    duration: tuple[float, float] = Field((20.0, 40.0), description="Shortest and longest phase (s).")
    gap: tuple[float, float] = Field((10.0, 20.0), description="Shortest and longest rest between two (s).")
    lead: float = Field(10.0, ge=0, description="Rest before the first and after the last (s).")

    @model_validator(mode="after")
    def _ordered(self) -> Experiment:
        for name in ("duration", "gap"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name}: expected two numbers above 0, the smaller one first")
        for name in ("levels", "memory_levels"):
            if any(not 0 < level <= 100 for level in getattr(self, name)):
                raise ValueError(f"{name}: expected levels above 0 and up to 100 (%)")
        return self


class Grafana(_Part):
    """Annotations in a Grafana; dashboards of Racktwin show experiments without it, from InfluxDB."""

    url: str | None = Field(None, description="Base URL; nothing is sent without it.")
    token_file: str | None = Field(None, description="File with a service account's token.")
    dashboard: str | None = Field("racktwin-server", description="Uid of the dashboard; every one when null.")


class Analysis(_Part):
    """`racktwin report` and `racktwin fidelity --server`."""

    tolerance: float = Field(3.0, gt=0, description="How far a found change may lie from an annotation (s).")
    penalty: float = Field(12.0, gt=0, description="What one more change costs, in variances of the noise times ln n.")
    shortest: float = Field(2.0, gt=0, description="Shortest phase that is looked for (s).")
    split: float = Field(0.5, gt=0, lt=1, description="Share of the record that the model is fitted on.")


class Config(_Part):
    """config.yaml."""

    log: Log = Field(default_factory=Log, description="What is logged, how often, where to.")
    live: Live = Field(default_factory=Live, description="Onto the twin.")
    stress: Stress = Field(default_factory=Stress, description="Loads and their limits.")
    experiment: Experiment = Field(default_factory=Experiment, description="Schedules.")
    grafana: Grafana = Field(default_factory=Grafana, description="Annotations.")
    analysis: Analysis = Field(default_factory=Analysis, description="Phases and the model.")


def load(path: Path | None) -> Config:
    """The file's settings; defaults where it says nothing. Without a path, RACKTWIN_SERVER_CONFIG's file or defaults.

    Raises:
        Failure: it cannot be read, is no YAML, or a value is wrong.
    """
    named = path or (Path(value) if (value := os.environ.get(ENVIRONMENT)) else None)
    if named is None:
        return Config()
    # YAML is read by those alone who have a file.
    import yaml  # noqa: PLC0415

    try:
        document = yaml.safe_load(named.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"config {named}: {one_line(error)}", "name a file that can be read") from error
    except yaml.YAMLError as error:
        raise Failure(
            f"config {named}: no YAML: {one_line(error)}", "racktwin experiment config shows the form"
        ) from error
    return parse(document, str(named))


def parse(document: Any, name: str = "config") -> Config:
    """A document's settings.

    Raises:
        Failure: a value is wrong; each is named.
    """
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors())
        raise Failure(f"config {name}: {wrong}", "racktwin experiment config shows every field") from error


def documented() -> str:
    """The file with all defaults, each with what it means, as YAML."""
    return "\n".join(["# config.yaml of the server twin: every field with its default.", *_lines(Config(), 0)]) + "\n"


def _lines(part: BaseModel, depth: int) -> list[str]:
    indent = "  " * depth
    lines = []
    for name, info in type(part).model_fields.items():
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            lines += [
                f"{indent}# {(type(value).__doc__ or '').strip()}",
                f"{indent}{info.alias}:",
                *_lines(value, depth + 1),
            ]
        else:
            shown = _yaml(value)
            pad = " " * max(1, 36 - len(f"{indent}{info.alias}: {shown}"))
            lines.append(f"{indent}{info.alias}: {shown}{pad}# {info.description}")
    return lines


def _yaml(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
