"""What Racktwin's processes share: names, formats, units, settings, process life cycle, Kafka and Ditto access.

This package imports none of our other packages; every process imports it and itself only.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("racktwin")
except PackageNotFoundError:  # a checkout on the path, not installed
    __version__ = "0.1.0"
