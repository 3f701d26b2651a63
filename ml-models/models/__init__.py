"""Racktwin's models: one folder per model, and what training and serving share.

The modules beside this one (`windows`, `statistics`, `definition`, `metrics`) are what `runner` (serving) and
`training` must agree on to the last bit: how readings become a window and how a window becomes a row of model inputs.
They need numpy and msgspec alone. The model folders hold the same files each: `model.yaml features.py train.py
evaluate.py CARD.md`; their `train.py` and `evaluate.py` need the `train` extra and are imported by `training` only.
"""
