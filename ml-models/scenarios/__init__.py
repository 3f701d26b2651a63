"""What a Scenario's Job does: reads the room's past from InfluxDB, computes what would happen or plays it once more,
and leaves series, summary and report in InfluxDB, in a bucket that no query of live data names.

Order of reading: `question` (what is asked), `history` and `start` (the room at the base time), `power`, `timeline` and
`whatif` (the run), `findings` (what came out), `report` and `store` (where it goes), `replay`, `__main__`. The operator
takes the summary into the Scenario's status.
"""
