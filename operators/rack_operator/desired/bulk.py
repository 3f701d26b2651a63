"""Names of the operator's own way to Ditto over Kafka: two topics, a connection, a subject for each site. Pure.

Whoever may write to the commands topic acts with the operator's rights on that site's things and policies, and on no
other site's: the topic is to be written by the operator and read by Ditto alone, the replies the other way round.
"""

from __future__ import annotations


def commands_topic(site: str) -> str:
    """Topic of the operator's Ditto Protocol commands."""
    return f"racktwin.operator.{site}"


def replies_topic(site: str) -> str:
    """Topic of Ditto's answers to them."""
    return f"racktwin.operator-replies.{site}"


def connection(site: str) -> str:
    """Ditto connection that takes the commands."""
    return f"racktwin-{site}-operator"


def subject(site: str) -> str:
    """Subject under which the commands run."""
    return f"integration:racktwin-{site}-operator"
