"""The local stack: Racktwin's real components on one machine without containers. `python -m local_stack --help` is
its face.

`toolchain` builds, `components` describe, `supervision` runs, `stack` orders, `demo` shows. Nothing in a cluster uses
this package.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local_stack.stack import Stack, StackError

__all__ = ["Stack", "StackError"]


def __getattr__(name: str) -> Any:
    """Load the stack when it is asked for: parts of this package run before its dependencies are installed."""
    if name in __all__:
        from local_stack import stack  # noqa: PLC0415

        return getattr(stack, name)
    raise AttributeError(name)
