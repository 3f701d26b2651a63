"""`python -m notify`: puts the parts together."""

from __future__ import annotations

from notify.delivery import Delivery, Terms
from notify.events import Filter
from notify.settings import NotifySettings
from notify.work import NotifyWork
from racktwin import names, process
from racktwin.kafka import SafeProducer, make_consumer, run_batches
from racktwin.process import Context, Fatal


def run(settings: NotifySettings, context: Context) -> None:
    """Post twin events to a webhook: CloudEvents, signed, at least once."""
    try:
        terms = Terms(
            url=settings.checked_url(),
            secret=settings.secret(),
            tries=settings.notify_tries,
            first_wait_s=settings.notify_first_wait_s,
            longest_wait_s=settings.notify_longest_wait_s,
            timeout_s=settings.notify_timeout_s,
            token=settings.notify_token_file.read_text("utf-8").strip() if settings.notify_token_file else "",
        )
    except (OSError, ValueError) as error:
        raise Fatal(f"settings: {error}") from error
    consumer = make_consumer(settings, settings.notify_group)
    work = NotifyWork(
        chosen=Filter(settings.notify_features, settings.notify_kinds),
        lanes=settings.notify_lanes,
        most_waiting=settings.notify_queue,
        sender=lambda: Delivery(terms, context.clock, context.stop.wait),
        aside=SafeProducer(settings),
        consumer=consumer,
        context=context,
    )
    sites = settings.site_list()
    topics = [names.topic_pattern("racktwin", ("events",))] if sites is None else []
    topics += [names.own_topic("events", site) for site in sites or ()]
    context.health.set_ready(True)
    run_batches(consumer, topics, work, context)


def main() -> None:
    """Run the notifier."""
    process.main("notify", NotifySettings, run)
