"""``python -m collector.parquet_rows FILE``: a Parquet file's rows as JSON lines, in a process of its own.

The Arrow library takes more memory than all collectors together. Times become epoch milliseconds, what is null is left
out.
"""

from __future__ import annotations

import datetime
import json
import math
import sys
from typing import Any

import pyarrow.parquet


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.UTC)
        return round(value.timestamp() * 1000)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, int | float | str | bool | None) else str(value)


def main() -> int:
    """Write the rows to standard output."""
    if len(sys.argv) != 2:
        print("expected one file", file=sys.stderr)
        return 2
    try:
        for batch in pyarrow.parquet.ParquetFile(sys.argv[1]).iter_batches(batch_size=1000):
            for row in batch.to_pylist():
                plain = {key: _plain(value) for key, value in row.items()}
                print(json.dumps({key: value for key, value in plain.items() if value is not None}))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
