"""`racktwin doctor`: sends one marked reading, follows it over every hop, names the hop where it stops and why.

`marked` makes the reading, `send` gives it to Hono, `follow` watches where it comes by, `surroundings` asks what the
systems say of themselves; all that is `evidence`, from which `diagnosis` concludes. `examination` joins them.
"""
