"""The components of the stack, by name, in one table."""

from local_stack.component import Component
from local_stack.components import artemis, hono, influxdb, kafka, kubernetes, own

COMPONENTS: dict[str, Component] = {
    component.name: component
    for component in (
        *kubernetes.COMPONENTS,
        kafka.COMPONENT,
        artemis.COMPONENT,
        *hono.COMPONENTS,
        influxdb.COMPONENT,
        *own.COMPONENTS,
    )
}


def with_dependencies(names: list[str]) -> list[str]:
    """The named components and all they depend on, each after what it depends on.

    Raises:
        KeyError: there is no component of that name; the text lists those there are.
    """
    ordered: list[str] = []

    def visit(name: str) -> None:
        if name not in COMPONENTS:
            raise KeyError(f"no component {name!r}; there are: {', '.join(COMPONENTS)}")
        if name not in ordered:
            for dependency in COMPONENTS[name].after:
                visit(dependency)
            ordered.append(name)

    for name in names:
        visit(name)
    return ordered
