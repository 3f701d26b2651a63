"""The artefacts of the local stack: the one place where versions of components are chosen."""

from local_stack.toolchain.artefact import Artefact
from local_stack.toolchain.console_page import ConsolePage, digest_of_sources
from local_stack.toolchain.golang import GoProgram, main_source
from local_stack.toolchain.influxd import Influxd
from local_stack.toolchain.maven import MavenArchive, MavenLibraries

KUBERNETES_VERSION = "v1.36.3"
HONO_VERSION = "1.0.3"


def of_kubernetes(name: str, why: str, *programs: str) -> GoProgram:
    """Programs of Kubernetes, built into one."""
    return GoProgram(
        name=name,
        version=KUBERNETES_VERSION,
        why=why,
        module="k8s.io/kubernetes",
        main_source=main_source(name.replace("-", "_")),
        sibling_version=KUBERNETES_VERSION.replace("v1.", "v0."),
        version_packages=("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"),
        names=programs,
    )


def _hono(*artifacts: tuple[str, str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, (f"org.eclipse.hono:{artifact}:{HONO_VERSION}",)) for name, artifact in artifacts)


KAFKA = MavenLibraries(
    name="kafka",
    version="4.3.1",
    why="carries every message between devices, twins, models and history",
    sets=(
        (
            "lib",
            ("org.apache.kafka:kafka_2.13:4.3.1", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"),
        ),
    ),
)
HONO = MavenLibraries(
    name="hono",
    version=HONO_VERSION,
    why="lets devices in: authentication, device registry, MQTT and HTTP adapters",
    sets=_hono(
        ("auth", "hono-service-auth"),
        ("registry", "hono-service-device-registry"),
        ("mqtt", "hono-adapter-mqtt-vertx"),
        ("http", "hono-adapter-http-vertx"),
    ),
)
ARTEMIS = MavenArchive(
    name="artemis",
    version="2.40.0",
    why="the AMQP broker between Hono and our bridge to Kafka",
    artifact="org.apache.activemq:apache-artemis:2.40.0:tar.gz:bin",
)
INFLUXD = Influxd(name="influxd", version="v2.7.12", why="InfluxDB, the history of all readings and predictions")
ETCD = GoProgram(
    name="etcd",
    version="v3.7.3",
    why="the store of the Kubernetes API server",
    module="go.etcd.io/etcd/server/v3",
    main_source=main_source("etcd"),
    names=("etcd",),
)
KUBERNETES = of_kubernetes(
    "kubernetes", "the Kubernetes API server, where racks are declared, and kubectl", "kube-apiserver", "kubectl"
)
CONSOLE_PAGE = ConsolePage(
    name="console-page",
    version="0.1.0",
    why="the console's page: the room in 3D, replay, commands",
    sources=digest_of_sources(),
)

ARTEFACTS: dict[str, Artefact] = {
    artefact.name: artefact for artefact in (KUBERNETES, INFLUXD, ETCD, KAFKA, HONO, ARTEMIS, CONSOLE_PAGE)
}
