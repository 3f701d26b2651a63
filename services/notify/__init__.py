"""Twin events to a webhook of yours: CloudEvents, signed, at least once, in order for each twin.

Reads `racktwin.events.<site>`, sends what is asked for, and commits an event's offset only when the receiver has it (or
it was put aside as undelivered, on `racktwin.rejects.<site>`). Keeps no state of its own. What Ditto drops under
pressure never comes here: these are notifications, the record is in InfluxDB. Next in the flow: your receiver.
"""
