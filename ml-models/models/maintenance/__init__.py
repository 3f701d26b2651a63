"""What wears of cooling units and servers, how long it lasts, and how sure that is; disks are judged by rules.

`features` reads a thing's past, `train` fits one small network for each part into one graph (`graph`), `judge` makes
findings of what the graph says, `serve` checks and calls it, `evaluate` scores it beside the plain trend. Disks stay
with `models.disk_wear`. Next: `upkeep` on what is recorded now, `training.files.wear` on files.
"""
