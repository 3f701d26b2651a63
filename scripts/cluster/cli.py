"""The command line: parses, prints, turns errors into one message. Exit codes: 0 done, 1 failed, 130 Ctrl-C."""

import json
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from cluster import charts, kind, prerequisites
from cluster.lifecycle import Cluster
from cluster.place import Place
from cluster.shell import ClusterError
from cluster.trial import run as trial
from local_stack import entry
from local_stack.steps import Steps
from local_stack.toolchain.catalogue import KUBERNETES
from local_stack.toolchain.chart_tools import HELM

_RACKS_READY_S = 180.0
_PODS_READY_S = 180.0


_model = click.option(
    "--model",
    "trained",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help=f"Folder of a trained {charts.MODEL} to install; one is trained when left out.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--name", default="demo", show_default=True, help="Name of the cluster.")
@click.option("--nodes", type=click.IntRange(1, 9), help="Nodes; remembered. Two when left out.")
@click.pass_context
def cli(context: click.Context, name: str, nodes: int | None) -> None:
    """A real Kubernetes cluster on this machine, without Docker. Needs root and Linux."""
    context.obj = (name, nodes)


def _place(context: click.Context) -> Place:
    name, nodes = context.obj
    try:
        return Place.open(name, nodes)
    except (ValueError, RuntimeError) as error:
        raise ClusterError(str(error)) from error


@cli.command()
@click.option("--bare", is_flag=True, help="Only the nodes: install nothing on them.")
@_model
@click.option("--yes", is_flag=True, help="Install missing prerequisites without asking (on Debian).")
@click.pass_context
def up(context: click.Context, bare: bool, trained: Path | None, yes: bool) -> None:
    """Nodes, images, Racktwin, the example site; again: mends what is not healthy."""
    prerequisites.require(yes)
    steps = Steps()
    cluster = Cluster(_place(context), steps.say)
    if bare:
        cluster.up()
    else:
        with charts.training_beside(trained) as model_folder:
            digests = cluster.up()
            steps.say(f"{len(cluster.place.plan.nodes)} nodes are ready")
            install(cluster, digests, model_folder(), steps)
    _print_next(cluster.place, bare)


def install(cluster: Cluster, digests: Mapping[str, str], trained: Mapping[str, Path], steps: Steps) -> charts.Site:
    """Put Racktwin and the example site on a running cluster. Raises ClusterError, KubectlError, TrainingError."""
    site = charts.Site(cluster.place, digests, steps.say)
    if site.is_current():
        racks = site.apply_example()
    else:
        site.prepare(trained)
        steps.say("helm install of charts/racktwin, and kubectl apply of the example site beside it")
        with ThreadPoolExecutor(1) as pool:
            # What reads a site's topics is ready only when the operator has made them.
            applied = pool.submit(site.apply_example)
            took = site.install()
            racks = applied.result()
        cluster.place.remember(installed=site.fingerprint())
        steps.say(f"installed in {took:.0f} s")
    cluster.wait("racks ready", racks, site.racks_ready, _RACKS_READY_S)
    # What is being replaced comes and goes, so none may be unready.
    cluster.wait("pods ready", 0, lambda: -site.pods_unready(), _PODS_READY_S)
    steps.say(f"{racks} racks and {site.pods_ready()} pods are ready")
    return site


def _print_next(place: Place, bare: bool) -> None:
    kubectl, helm = KUBERNETES.folder / "bin" / "kubectl", HELM.folder / "bin" / "helm"
    click.echo(f"\n  export KUBECONFIG={place.kubeconfig}")
    click.echo(f"  {kubectl} get nodes,pods -A -o wide")
    if not bare:
        click.echo(f"  {kubectl} get racks -n {charts.SITE}")
        click.echo(f"  {helm} test {charts.SITE} -n {charts.SITE}")
        click.echo(f"  devices: MQTT {place.plan.nodes[0].address}:{charts.MQTT_NODE_PORT}")
    click.echo("  make cluster-stop stops it")


def _report(changes: list[str]) -> None:
    if not changes:
        click.echo("the host is as it was before: no mount, device, route, rule, group or setting is left", err=True)
        return
    raise ClusterError("the host differs from before:\n" + "\n".join(f"  {change}" for change in changes))


@cli.command()
@click.pass_context
def down(context: click.Context) -> None:
    """Stop everything, keep the data, and prove that nothing is left on the host."""
    prerequisites.require_root()
    _report(Cluster(_place(context), Steps().say).down())


@cli.command()
@click.pass_context
def clean(context: click.Context) -> None:
    """Stop everything and delete the cluster's data; builds and images are kept."""
    prerequisites.require_root()
    _report(Cluster(_place(context), Steps().say).clean())


@cli.command()
@click.option("--seconds", default=60, show_default=True, help="How long the main job is watched.")
@_model
@click.option("--keep", is_flag=True, help="Leave the cluster running at the end.")
@click.option("--yes", is_flag=True, help="Install missing prerequisites without asking (on Debian).")
@click.pass_context
def test(context: click.Context, seconds: int, trained: Path | None, keep: bool, yes: bool) -> None:
    """The charts proven on fresh nodes, from install to uninstall, with kills between; the last line is JSON."""
    prerequisites.require(yes)
    steps = Steps()
    cluster = Cluster(_place(context), steps.say)
    line, problems = trial.run(cluster, steps.say, seconds=seconds, keep=keep, trained=trained)
    for problem in problems:
        steps.say(problem)
    click.echo(line)
    if problems:
        sys.exit(1)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """What runs."""
    cluster = Cluster(_place(context), Steps().say)
    states = cluster.states()
    nodes = cluster.ready_nodes() if states.get("kube-apiserver") == "RUNNING" else []
    if as_json:
        click.echo(json.dumps({"programs": states, "nodes_ready": nodes}))
        return
    for name, state in states.items():
        click.echo(f"{name:<25} {state.lower()}")
    click.echo(f"ready nodes: {', '.join(nodes) or 'none'}")


@cli.command("kind")
@click.argument("action", type=click.Choice(["up", "down"]))
@click.pass_context
def with_kind(context: click.Context, action: str) -> None:
    """The same with Docker and kind, and with the published images."""
    steps = Steps()
    name, nodes = context.obj
    if action == "up":
        kind.up(name, nodes or 2, steps.say)
    else:
        kind.down(name)


def main() -> None:
    """Entry point."""
    entry.run(cli, (ClusterError,), "the same command continues from here")
