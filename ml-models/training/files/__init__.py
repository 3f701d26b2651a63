"""Models, forecasts, anomalies and maintenance findings from recorded files alone: `python -m training.files`.

`hall` reads the file (through `physics_files`), with a layout or without; `learn` trains and evaluates forecasts on it;
`baseline` says what each sensor should read and `findings` what is wrong where it does not; `wear` looks for slow
degradation. No running stack is needed. The `racktwin` command starts this.
"""
