"""ditto_lite: an embedded stand-in for Eclipse Ditto, for stacks without containers.

It implements the part of Ditto's HTTP API 2, protocol and Kafka connectivity that Racktwin uses, with Ditto's status
codes, error codes, entity tags and event shapes. It is not Ditto and says so in ``/status`` and in its log; nothing
of ours may ask which of the two it talks to. Start it with ``python -m ditto_lite``.
"""
