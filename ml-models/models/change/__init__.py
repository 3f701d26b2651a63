"""What the forecasting models share: a network for the change to come, one for its likely error, conformal intervals.

`view` says what the networks see, `graph` is the fitted model and its ONNX form, `fit` makes it, `scores` judges it. A
model's own folder says which inputs there are and what a forecast starts from; nothing here knows a channel's name.
"""
