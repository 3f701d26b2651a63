"""helm and its unit tests, built on first use."""

import pytest

from check_charts import tools
from local_stack.toolchain import chart_tools


@pytest.fixture(scope="session", autouse=True)
def helm() -> None:
    tools.build(chart_tools.QUICK)
