"""`python -m runner`. One thread for linear algebra, set before numpy is loaded: its threads spin, and on matrices as
small as these they made a round ten times dearer in CPU and no faster.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from runner.main import start

if __name__ == "__main__":
    start()
