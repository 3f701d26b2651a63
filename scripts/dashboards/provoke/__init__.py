"""Every alert rule provoked on a running stack: what is wrong is made (`stage`), for each rule on one thing (`trials`),
and seen to fire once and to clear once (`referee`). `run` leads through it. For `dashboards.check`.
"""
