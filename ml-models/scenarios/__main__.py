"""`python -m scenarios`: one scenario's Job. One thread for linear algebra, set before numpy is loaded."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from racktwin.process import main
from scenarios.job import run
from scenarios.settings import ScenarioSettings

if __name__ == "__main__":
    main("scenarios", ScenarioSettings, run)
