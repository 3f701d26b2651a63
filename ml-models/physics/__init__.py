"""The physics of a room of racks: layout, zonal model, metrics, simulated plant, calibration, fidelity.

A library: imports `racktwin` alone, with numpy and scipy. In the order of use: `sources` and `layout` (what stands
where), `geometry` and `airflow` (who breathes whose air), `model` (temperatures over time, many scenarios at once),
`metrics` (RCI, RTI, SHI …), `plant` (the model behind sensors, with hidden parameters and faults), `calibration`,
`online` and `fidelity` (a twin's parameters from history, and how far to trust them).
"""
