"""Which workloads are ours, when pods must be replaced, and what is refused."""

from typing import Any

import pytest

from local_node.templates import UnsupportedError, is_ours, parse, repository, template_digest


def template(**container: Any) -> dict[str, Any]:
    return {
        "metadata": {"annotations": {"checksum": "1"}},
        "spec": {"containers": [{"name": "main", "image": "racktwin/racktwin:1", "command": ["python"], **container}]},
    }


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("racktwin/racktwin", "racktwin/racktwin"),
        ("racktwin/racktwin:0.1.0", "racktwin/racktwin"),
        ("host:5000/racktwin", "host:5000/racktwin"),
        ("host:5000/racktwin:1@sha256:ab", "host:5000/racktwin"),
    ],
)
def test_an_images_name(image: str, name: str) -> None:
    assert repository(image) == name


def test_ours_are_those_of_which_every_container_uses_our_image() -> None:
    ours = template()
    assert is_ours(ours, "racktwin/racktwin:other")
    assert not is_ours(template(image="nginx"), "racktwin/racktwin")
    ours["spec"]["containers"].append({"name": "side", "image": "nginx"})
    assert not is_ours(ours, "racktwin/racktwin")
    assert not is_ours({"spec": {}}, "racktwin/racktwin")


def test_a_changed_annotation_replaces_pods_and_key_order_does_not() -> None:
    one = template()
    other = template()
    other["metadata"]["annotations"]["checksum"] = "2"
    assert template_digest(one) != template_digest(other)
    assert template_digest(one) == template_digest(dict(reversed(one.items())))


def test_command_args_probes_and_grace() -> None:
    probe = {"httpGet": {"path": "/readyz", "port": "health"}, "periodSeconds": 5, "failureThreshold": 4}
    document = template(args=["-m", "runner"], readinessProbe=probe)
    document["spec"]["terminationGracePeriodSeconds"] = 7
    parsed = parse(document)
    container = parsed.containers[0]
    assert container.command == ("python", "-m", "runner")
    assert container.readiness is not None
    assert (container.readiness.path, container.readiness.period_s, container.readiness.failures) == ("/readyz", 5, 4)
    assert container.liveness is None
    assert parsed.grace_s == 7


@pytest.mark.parametrize(
    ("container", "named"),
    [({"command": []}, "no command"), ({"livenessProbe": {"exec": {"command": ["x"]}}}, "httpGet")],
)
def test_what_a_process_cannot_give_is_refused_by_name(container: dict[str, Any], named: str) -> None:
    with pytest.raises(UnsupportedError, match=named):
        parse(template(**container))


def test_init_containers_are_refused() -> None:
    document = template()
    document["spec"]["initContainers"] = [{"name": "x"}]
    with pytest.raises(UnsupportedError, match="init containers"):
        parse(document)
