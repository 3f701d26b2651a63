"""The guard: the only process that commands devices. Wishes on twins in, Hono commands out, or a refusal with its rule.

The decision is pure (:mod:`guard.rules`); what has been sent and not answered is kept by :mod:`guard.ledger`;
:mod:`guard.work` does the reading and writing. Run one of it: what stands is on the twins and in Kafka, so another can
take over at any time.
"""
