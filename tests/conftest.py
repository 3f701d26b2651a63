"""For all tests: Hypothesis gives no example a time limit, because a slow machine is no defect."""

from hypothesis import settings

settings.register_profile("racktwin", deadline=None)
settings.load_profile("racktwin")
