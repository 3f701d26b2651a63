"""Recorded data of any hall, from files: layout, readings, forecasts, power models. No running stack is needed.

A library: it reads what people bring (`layout_file`, `tables`, `readings`), puts it on a regular grid (`grid`), and
makes forecasts from the past alone (`regressors`, `regression`, `intervals`, `forecast`). The command line uses it.
"""
