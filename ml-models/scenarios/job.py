"""The Job from its input to its result. A question that cannot be answered is a result too; the status says why.

Nothing half-written: series come first, and only a summary makes a result of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from influxdb_client.client.influxdb_client import InfluxDBClient

from physics.layout import LayoutError
from racktwin.kafka import SafeProducer
from racktwin.names import scenario_bucket
from racktwin.process import Context, Fatal
from scenarios import findings, parameters, replay, report, start, whatif
from scenarios.history import TIMEOUT_MS, HistoryUnreadable, Past, rfc3339
from scenarios.question import Question, ScenarioError, epoch_ms, read
from scenarios.settings import ScenarioSettings
from scenarios.store import Store, result_lines, series_lines

Json = dict[str, Any]
_FLUSH_S = 60.0


def run(settings: ScenarioSettings, context: Context) -> None:
    """Run one Scenario: a what-if or a replay. Reads its input file, leaves the result in InfluxDB, ends."""
    try:
        question = read(settings.scenario_input)
    except ScenarioError as error:
        raise Fatal(str(error)) from error
    client = InfluxDBClient(
        url=settings.influx_url,
        token=settings.influx_token.get_secret_value(),
        org=settings.influx_org,
        timeout=TIMEOUT_MS,
        enable_gzip=True,
    )
    with client:
        store = Store(client, settings.influx_org, question.site, keep_days=settings.scenario_keep_days)
        try:
            store.ensure_bucket()
            _answer(question, settings, context, client, store)
        except HistoryUnreadable as error:
            raise Fatal(f"{error}; is InfluxDB there, and RACKTWIN_INFLUX_TOKEN right?") from error


def _answer(
    question: Question, settings: ScenarioSettings, context: Context, client: InfluxDBClient, store: Store
) -> None:
    base_ms = question.base_ms or context.clock()
    if question.replay is not None:
        base_ms = epoch_ms(str(question.replay["from"]))
    summary: Json = {"baseTime": rfc3339(base_ms), "bucket": scenario_bucket(question.site)}
    page: str | None = None
    past = Past(client)
    try:
        if question.replay is not None:
            summary |= _replay(question, settings, context, past, store)
        else:
            more, page = _what_if(question, context, past, store, base_ms)
            summary |= more
    except (ScenarioError, LayoutError, ValueError) as error:
        context.log.warning("cannot be computed", error=str(error))
        summary["error"] = str(error)
    store.write(result_lines(question.name, question.uid, context.clock(), summary, page))
    context.log.info("result written", headline=summary.get("headline"), error=summary.get("error"))


def _what_if(question: Question, context: Context, past: Past, store: Store, base_ms: int) -> tuple[Json, str]:
    now_ms = context.clock()
    if base_ms > now_ms + 1000:
        raise ScenarioError(f"baseTime {rfc3339(base_ms)}: it has not come yet; leave it out for the present")
    began = time.monotonic()
    layout = question.layout()
    chosen, words = parameters.choose(question.parameters, layout)
    begun = start.load(past, layout, chosen, site=question.site, base_ms=base_ms, now_ms=now_ms)
    duration_s = float((question.what_if or {}).get("durationS") or 3600.0)
    outcome = whatif.run(question, begun, duration_s=duration_s, note=_progress(context))
    found = findings.findings(outcome)
    sentence = findings.headline(found, duration_s)
    computed_s = time.monotonic() - began
    head = report.Head(
        name=question.name,
        site=question.site,
        room=question.room,
        base_time=rfc3339(base_ms),
        headline=sentence,
        notes=begun.notes,
        parameters=words,
    )
    page = report.render(outcome, found, head)
    lines = store.write(series_lines(outcome, question.name, question.site, base_ms))
    context.log.info("computed", cases=len(found), seconds=round(computed_s, 2), points=lines)
    summary = {
        "headline": sentence,
        "durationS": duration_s,
        "cases": [case.summary() for case in found],
        "notes": list(begun.notes),
        "parameters": words,
        "seconds": round(computed_s, 2),
        "points": lines,
    }
    return summary, page


def _replay(question: Question, settings: ScenarioSettings, context: Context, past: Past, store: Store) -> Json:
    # Readings keep their times, however long ago: so what receives them keeps them until it is removed.
    store.make_bucket(question.replay_site, 0, f"replay {question.name}, removed with it")
    producer = SafeProducer(settings)
    played = replay.run(
        question,
        past,
        producer,
        now_ms=context.clock(),
        monotonic=time.monotonic,
        stop=context.stop,
        note=_progress(context),
    )
    left = producer.flush(_FLUSH_S)
    if left:
        raise HistoryUnreadable(f"Kafka: {left} record(s) were not taken")
    if played.stopped:
        raise Fatal("stopped before the end")
    span_s = ((played.last_ms or 0) - (played.first_ms or 0)) / 1000.0
    speed = span_s / max(played.seconds, 1e-3)
    things = len(question.replay_things)
    sentence = (
        f"{played.readings} readings of {things} thing(s), {findings.spell(span_s)} of them, "
        f"in {findings.spell(played.seconds)} ({speed:.0f} times as fast)"
    )
    return {"headline": sentence, "readings": played.readings, "merges": played.merges, "speed": round(speed, 1)}


def _progress(context: Context) -> Callable[[float], None]:
    """Logs each tenth that is done."""
    told = 0

    def note(share: float) -> None:
        nonlocal told
        if int(share * 10) > told:
            told = int(share * 10)
            context.log.info("progress", percent=told * 10)

    return note
