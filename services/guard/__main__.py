"""`python -m guard`: puts the parts together. Everything of substance is in the modules it imports."""

from __future__ import annotations

from guard.case import Policy
from guard.forecast import outlook
from guard.journal import KafkaJournal
from guard.ledger import Ledger, Patience
from guard.settings import GuardSettings
from guard.work import GuardWork
from racktwin import names, process
from racktwin.ditto_client import DittoClient
from racktwin.kafka import SafeProducer, make_consumer, run_batches
from racktwin.process import Context


def topics(settings: GuardSettings) -> list[str]:
    """Twin events and command responses of the sites served, by patterns when that is all of them."""
    sites = settings.site_list()
    if sites is None:
        return [names.topic_pattern("racktwin", ("events",)), names.topic_pattern("hono", ("command_response",))]
    return [
        *(names.own_topic("events", site) for site in sites),
        *(names.hono_topic("command_response", site) for site in sites),
    ]


def run(settings: GuardSettings, context: Context) -> None:
    """Turn wishes on cooling units' twins into Hono commands, if the rules let them pass. Run one of it."""
    consumer = make_consumer(settings, settings.guard_group, session_timeout_ms=6000)
    twins = DittoClient(settings)

    def sites() -> list[str]:
        assigned = {names.site_of_topic(partition.topic) for partition in consumer.assignment()}
        return sorted(assigned)

    work = GuardWork(
        context,
        twins=twins,
        producer=SafeProducer(settings, linger_ms=0),
        ledger=Ledger(
            Patience(
                answer_ms=int(settings.guard_answer_s * 1000),
                attempts=settings.guard_attempts,
                report_ms=int(settings.guard_report_s * 1000),
            )
        ),
        policy=Policy(
            per_unit_per_min=settings.guard_rate_per_min,
            interlock_ms=int(settings.guard_interlock_s * 1000),
            optimiser_stale_ms=int(settings.guard_stale_s * 1000),
            margin_k=settings.guard_margin_k,
        ),
        outlook=outlook,
        trusted=[each.strip() for each in settings.guard_trusted_subjects.split(",") if each.strip()],
        sites=sites,
        # It reads partitions by itself and commits nothing: the group's place is not touched.
        journal=KafkaJournal(lambda: make_consumer(settings, settings.guard_group, enable_partition_eof=True)),
        reread_s=settings.guard_reread_s,
    )
    context.health.set_ready(True)
    run_batches(consumer, topics(settings), work, context)


if __name__ == "__main__":
    process.main("guard", GuardSettings, run)
