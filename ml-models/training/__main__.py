"""`python -m training`. One thread for linear algebra, set before numpy is loaded, as in the runner: cheaper, and the
same result on every machine.
"""

import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from training.command import main

if __name__ == "__main__":
    sys.exit(main())
