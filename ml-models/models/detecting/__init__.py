"""What the detecting models share: principal components for what is unusual, a small network for what it is.

`fit` makes the fitted model, `graph` is its native form and its ONNX form, `scores` judges it. A model's own folder
says which inputs there are and what can be found.
"""
