"""The scorecard: every prediction is scored when its time has come, and a model that drifts is found out.

In the order of the flow: `ledger` (predictions that wait for their truth), `tallies` (scores by model, thing and
horizon), `judge` (drifting? paused?), `outbox` (onto twins and into history). The verdict goes to the model registry,
where runners, training and people look. Trains nothing itself; with RACKTWIN_SCORECARD_RETRAIN=process it starts
`python -m training` when a model drifts, where no operator does.
"""
