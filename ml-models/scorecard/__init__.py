"""The scorecard: predictions are scored when their time has come, and a model that drifts is found out.

Every prediction is. In the order of the flow: `catchup` (what is read again at a start), `ledger` (predictions that
wait for their truth, packed by `queues`), `tallies` (scores by model, thing and horizon), `judge` (drifting? paused?),
`outbox` (onto twins and into history). The verdict goes to the model registry, where runners, training and people look.
Trains nothing itself; with RACKTWIN_SCORECARD_RETRAIN=process it starts `python -m training` when a model drifts, where
no operator does.
"""
