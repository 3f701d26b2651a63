"""A report as one HTML file that needs nothing else: no network, no script. Pure.

Next: `servertwin.analysis.command` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

import numpy as np

from servertwin.analysis.charts import Line, Span, chart
from servertwin.analysis.phases import Found, Match
from servertwin.analysis.server_model import Fitted, Part
from servertwin.columns import title_of
from servertwin.config import KINDS
from servertwin.experiment.annotations import Annotation
from servertwin.recording import Recording, Run

_COLOURS: Final = {kind: number for number, kind in enumerate(KINDS, 1)}
# What each phase's figures are of; those that the machine has.
FIGURES: Final = (
    ("cpu/utilization", "CPU %", 1.0), ("cpu/wait", "wait %", 1.0), ("cpu/frequency", "GHz", 1e9),
    ("memory/utilization", "memory %", 1.0), ("disk/writeBytes", "write MB/s", 1e6),
    ("disk/readBytes", "read MB/s", 1e6),
    ("disk/ioTime", "disk busy %", 1.0), ("network/loopback", "loopback MB/s", 1e6), ("network/tx", "sent MB/s", 1e6),
    ("thermal/cpuTemperature", "CPU °C", 1.0), ("power/power", "power W", 1.0), ("power/package", "package W", 1.0),
    ("fans/fanSpeed", "fans rpm", 1.0),
)  # fmt: skip
RESPONSES: Final = (
    ("thermal/cpuTemperature", "CPU °C"), ("power/power", "power W"), ("power/package", "package W")
)  # fmt: skip
_CHARTS: Final = (
    ("Processors", "%", ("cpu/utilization", "cpu/wait", "cpu/stolen"), 1.0, 0.0),
    ("Memory", "%", ("memory/utilization", "swap/utilization"), 1.0, None),
    ("Disk", "MB/s", ("disk/writeBytes", "disk/readBytes"), 1e6, 0.0),
    ("Network", "MB/s", ("network/loopback", "network/rx", "network/tx"), 1e6, 0.0),
    ("Temperatures", "°C", ("thermal/cpuTemperature", "thermal/inletTemperature"), 1.0, None),
    ("Power", "W", ("power/power", "power/package"), 1.0, None),
    ("Fans", "rpm", ("fans/fanSpeed",), 1.0, None),
    ("Lateness of samples", "ms", ("logger/late",), 1.0, 0.0),
)
_STYLE: Final = """
:root{color-scheme:light dark;--bg:#fff;--fg:#1b2230;--dim:#5b6577;--line:#d9dee7;--card:#f6f7f9;
--c1:#2563eb;--c2:#9333ea;--c3:#c2570c;--c4:#0f8a5f;--c5:#64748b;--good:#0f7a4f;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--bg:#12161d;--fg:#e6e9ef;--dim:#98a2b3;--line:#2c3442;--card:#1a2029;
--c1:#6ea0ff;--c2:#c58bff;--c3:#ff9d5c;--c4:#4fd1a0;--c5:#9aa7b8;--good:#4fd1a0;--bad:#ff8a80}}
*{box-sizing:border-box}body{margin:0 auto;max-width:1100px;padding:28px 24px 64px;background:var(--bg);color:var(--fg);
font:15px/1.5 system-ui,sans-serif}h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:36px 0 10px}
p{margin:6px 0}.dim,small{color:var(--dim)}.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(168px,1fr));
gap:12px;margin:18px 0}.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 14px}
.card b{display:block;font-size:23px;line-height:1.3;font-variant-numeric:tabular-nums}.card span{
color:var(--dim);font-size:13px}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:5px 10px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}th{color:var(--dim);
font-weight:600}th:first-child,td:first-child,.text{text-align:left}figure{margin:0 0 18px}figcaption{font-weight:600;
margin-bottom:2px;display:flex;gap:8px;align-items:baseline}.legend{margin-left:auto;font-weight:400;font-size:13px;
color:var(--dim)}.key{margin-left:14px;white-space:nowrap}.key i{
display:inline-block;width:12px;height:3px;border-radius:2px;
margin-right:5px;vertical-align:middle}svg{width:100%;height:auto;display:block}svg text{fill:var(--dim);font-size:12px}
.grid{stroke:var(--line);stroke-width:1}polyline{fill:none;stroke-width:1.5;stroke-linejoin:round}
.yes{color:var(--good)}.no{color:var(--bad)}pre{background:var(--card);border:1px solid var(--line);border-radius:8px;
padding:12px 14px;overflow-x:auto;font-size:13px}summary{cursor:pointer}
"""


def build(
    run: Run,
    matches: Sequence[Match],
    found: Sequence[Found],
    beside: Sequence[Found],
    *,
    fitted: Fitted | None,
    why: str = "",
) -> str:
    """The page. ``beside``: found phases that no load explains; ``why``: why there is no model, where there is none."""
    recording = run.recording
    start, length = float(recording.time[0]), float(recording.time[-1] - recording.time[0])
    spans = [
        Span(a.started_at / 1000 - start, a.stopped_at / 1000 - start, f"{a.phase}: {a.stressor} {a.level:g} %",
             _COLOURS.get(a.stressor, 5))
        for a in run.annotations
    ]  # fmt: skip
    body = [
        f"<h1>Experiment on {escape(_machine(run.fingerprint))}</h1>",
        f'<p class="dim">{_moment(start)} to {_moment(start + length)}, a sample every {recording.interval:g} s</p>',
        _cards(run, matches, fitted),
        "<h2>What the machine did</h2>",
        f'<p class="dim">Shaded: annotated loads ({_key()}). Bars along the top: phases found in the record alone.</p>',
        *_record(recording, spans, found, start, length),
        "<h2>Each phase</h2>",
        '<p class="dim">Means while the load ran, and the change against rest.</p>',
        _figures(recording, run.annotations),
        *_response(recording, run.annotations),
        "<h2>Found phases against annotations</h2>",
        _matches(matches, beside),
        "<h2>The model of this server</h2>",
        *(_model(fitted, start, length, spans) if fitted is not None else [f"<p>No model: {escape(why)}</p>"]),
        "<h2>The machine</h2>",
        f"<details open><summary>Fingerprint</summary><pre>{escape(_yaml(run.fingerprint))}</pre></details>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width,initial-scale=1"><title>Racktwin experiment</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _cards(run: Run, matches: Sequence[Match], fitted: Fitted | None) -> str:
    phases: dict[str, bool] = {}
    for each in matches:
        phases[each.annotation.phase] = phases.get(each.annotation.phase, True) and each.found is not None
    logger = run.run.get("logger") or {}
    cards = [
        (f"{len(run.recording.time)}", "samples"),
        (f"{sum(phases.values())} of {len(phases)}", "phases found in the record"),
    ]
    if fitted is not None:
        cards.append((f"{fitted.cpu.errors['mae']:.2f} %", "mean error of CPU, unseen part"))
        if fitted.temperature is not None:
            cards.append((f"{fitted.temperature.errors['mae']:.2f} K", "mean error of temperature, unseen part"))
        if fitted.power is not None:
            cards.append((f"{fitted.power.errors['mae']:.1f} W", "mean error of power, unseen part"))
    if "cpuPercent" in logger:
        cards.append((f"{logger['cpuPercent']:.2f} %", "of one core for the logger"))
    if (logger.get("jitterMs") or {}).get("p99") is not None:
        cards.append((f"{logger['jitterMs']['p99']:g} ms", "late at most, 99 % of samples"))
    made = "".join(f"<div class=card><b>{escape(a)}</b><span>{escape(b)}</span></div>" for a, b in cards)
    return f'<div class="cards">{made}</div>'


def _record(recording: Recording, spans: list[Span], found: Sequence[Found], start: float, length: float) -> list[str]:
    made = []
    channel_of = {"Processors": "cpu", "Memory": "memory", "Disk": "disk", "Network": "network"}
    for title, unit, names, scale, low in _CHARTS:
        lines: list[Line] = []
        for name in names:
            values = recording.column(name)
            if values is not None:
                lines.append(Line(title_of(name), recording.time - start, values / scale, len(lines) + 1))
        if not lines:
            continue
        bars = [
            Span(each.start - start, each.end - start, f"found: {each.mean:.4g}", _COLOURS[each.kind], thin=True)
            for each in found
            if each.kind == channel_of.get(title)
        ]
        made.append(chart(title, unit, lines, [*spans, *bars], length, low=low))
    lacking = [what for what, name in (("temperature", "thermal/cpuTemperature"), ("power", "power/p")) if not any(
        column.startswith(name) and recording.column(column) is not None for column in recording.columns
    )]  # fmt: skip
    if lacking:
        made.append(f'<p class="dim">This machine does not tell its {" and ".join(lacking)}.</p>')
    return made


def _figures(recording: Recording, annotations: Sequence[Annotation]) -> str:
    there = [(name, title, scale) for name, title, scale in FIGURES if recording.column(name) is not None]
    resting = np.ones(recording.time.size, dtype=bool)
    for each in annotations:
        # A sample tells of the time before it.
        late = recording.interval
        resting &= (recording.time < each.started_at / 1000) | (recording.time > each.stopped_at / 1000 + 2 * late)
    rest = {name: _mean(recording, name, resting) for name, _, _ in there}
    rows = [["rest", "", *(_number(rest[name], scale) for name, _, scale in there)]]
    for each in annotations:
        inside = (recording.time > each.started_at / 1000 + recording.interval) & (
            recording.time <= each.stopped_at / 1000
        )
        cells = []
        for name, _, scale in there:
            mean = _mean(recording, name, inside)
            change = None if mean is None or rest[name] is None else mean - (rest[name] or 0.0)
            cells.append(
                _number(mean, scale) + (f" ({_number(change, scale, sign=True)})" if change is not None else "")
            )
        rows.append([each.phase, f"{each.stressor} {each.level:g} %", *cells])
    return _table(["phase", "load", *(title for _, title, _ in there)], rows, text=2)


def _response(recording: Recording, annotations: Sequence[Annotation]) -> list[str]:
    """How temperature and power answered each load; nothing where the machine tells neither."""
    there = [(name, title) for name, title in RESPONSES if recording.column(name) is not None]
    rows = []
    for each in annotations:
        for name, title in there:
            answer = response_of(recording, name, each.started_at / 1000, each.stopped_at / 1000)
            if answer is not None:
                before, end, highest, quick = answer
                seconds = "" if quick is None else f"{quick:.1f} s"
                rows.append(
                    [each.phase, f"{each.stressor} {each.level:g} %", title, f"{before:.1f}", f"{end:.1f}",
                     f"{highest:.1f}",
                     f"{end - before:+.1f}", seconds]
                )  # fmt: skip
    if not rows:
        return []
    heads = ["phase", "load", "", "before", "at the end", "highest", "rise", "63 % of it after"]
    return ["<h2>Response of temperature and power</h2>", _table(heads, rows, text=3)]


def response_of(
    recording: Recording, name: str, start: float, end: float
) -> tuple[float, float, float, float | None] | None:
    """Of a column over a load (epoch s): its mean over the 5 s before, over the last 5 s, its highest, and after how
    long it had done 63 % of its rise; None where nothing was measured then."""
    time, values = recording.time, recording.columns[name]
    good = np.isfinite(values)
    time, values = time[good], values[good]
    span = max(5.0, 2.0 * recording.interval)
    before, last = values[(time > start - span) & (time <= start)], values[(time > end - span) & (time <= end)]
    inside = (time > start) & (time <= end)
    if not before.size or not last.size:
        return None
    low, high = float(np.mean(before)), float(np.mean(last))
    reached = time[inside & (values >= low + 0.632 * (high - low))]
    noise = float(np.std(before))
    quick = float(reached[0] - start) if reached.size and high - low > max(2.0 * noise, 1e-9) else None
    return low, high, float(np.max(values[inside])), quick


def _matches(matches: Sequence[Match], beside: Sequence[Found]) -> str:
    rows = []
    for each in matches:
        annotation = each.annotation
        rows.append(
            [
                annotation.phase,
                f"{annotation.stressor} {annotation.level:g} %",
                annotation.outcome,
                '<span class="yes">found</span>' if each.found else '<span class="no">not found</span>',
                "" if each.start_error is None else f"{each.start_error:+.2f} s",
                "" if each.end_error is None else f"{each.end_error:+.2f} s",
            ]
        )
    return _table(["phase", "load", "ended", "in the record", "start", "end"], rows, text=4) + (
        f'<p class="dim">{len(beside)} further phase(s) lie beside every load: other work of the machine.</p>'
    )


def _model(fitted: Fitted, start: float, length: float, spans: list[Span]) -> list[str]:
    parts: list[tuple[str, str, Part | None, str]] = [
        ("Processors", "%", fitted.cpu, "points"),
        ("Power", "W", fitted.power, "W"),
        ("Temperature", "°C", fitted.temperature, "K"),
    ]
    rows = []
    for title, _, part, unit in parts:
        if part is None:
            rows.append([title, "not measured on this machine", *[""] * 6])
            continue
        values = ", ".join(f"{name} {value:.4g}" for name, value in part.parameters.items())
        e = part.errors
        percent = [f"{e[name]:+.1f} %" if name in e else "" for name in ("nmbe", "cvrmse")]
        skill = f"{e['skill']:.3f}" if "skill" in e else ""
        rows.append([title, values, *(f"{e[name]:.3g} {unit}" for name in ("mae", "rmse", "bias")), *percent, skill])
    made = [
        f'<p class="dim">Fitted on what came before {_moment(fitted.cut)}, judged on what came after. Skill is against '
        "what was measured a minute before.</p>",
        _table(["", "parameters", "MAE", "RMSE", "bias", "NMBE", "CV(RMSE)", "skill"], rows, text=2),
    ]
    after = [Span(s.start, s.end, s.name, s.colour) for s in spans if s.end + start > fitted.cut]
    for title, unit, part, _ in parts:
        if part is not None:
            lines = [
                Line("measured", part.time - start, part.measured, 5),
                Line("model", part.time - start, part.said, 1, dashed=True),
            ]
            made.append(chart(f"{title}: model and measurement", unit, lines, after, length))
            if part.note:
                made.append(f'<p class="dim">{escape(part.note)}</p>')
    return made


def _mean(recording: Recording, name: str, where: Any) -> float | None:
    values = recording.columns[name][where]
    values = values[np.isfinite(values)]
    return float(np.mean(values)) if values.size else None


def _number(value: float | None, scale: float, *, sign: bool = False) -> str:
    if value is None:
        return ""
    scaled = value / scale
    digits = 0 if abs(scaled) >= 100 else 1 if abs(scaled) >= 10 else 2
    return f"{scaled:+.{digits}f}" if sign else f"{scaled:.{digits}f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, text: int = 1) -> str:
    """Cells hold HTML of ours; names from files were made safe by whoever put them there."""

    def cell(tag: str, place: int, value: str) -> str:
        return f"<{tag}{' class=text' if place < text else ''}>{value}</{tag}>"

    head = "".join(cell("th", place, escape(each)) for place, each in enumerate(heads))
    body = "".join(
        "<tr>" + "".join(cell("td", place, _safe(each)) for place, each in enumerate(row)) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _safe(value: str) -> str:
    return value if value.startswith('<span class="') else escape(value)


def _machine(fingerprint: Mapping[str, Any]) -> str:
    cpu = fingerprint.get("cpu") or {}
    parts = [str(cpu.get("model") or "this machine")]
    if cpu.get("threads"):
        parts.append(f"{cpu['threads']} threads")
    total = (fingerprint.get("memory") or {}).get("totalBytes")
    if total:
        parts.append(f"{total / 1e9:.0f} GB")
    return ", ".join(parts)


def _key() -> str:
    return ", ".join(f'<span style="color:var(--c{number})">{kind}</span>' for kind, number in _COLOURS.items())


def _yaml(document: Mapping[str, Any]) -> str:
    import yaml  # noqa: PLC0415 - for this page alone

    return str(yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)) if document else "not taken"


def _moment(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
