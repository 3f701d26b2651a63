"""The images of a cluster, each from the local stack's artefacts; `build` writes those that changed."""

import dataclasses
from collections.abc import Callable
from functools import cache
from pathlib import Path

from cluster.images import libraries, python, system
from cluster.images.oci import Blob, Config, Images
from cluster.images.tree import Tree
from local_stack.components.java import OPEN_MODULES
from local_stack.toolchain.catalogue import ARTEMIS, HONO, INFLUXD, KAFKA
from local_stack.toolchain.node_programs import COREDNS

_PATH = "/usr/local/bin:/usr/bin:/bin"
_JAVA_PATH = f"{system.JAVA_HOME}/bin:{_PATH}"
_KAFKA_LOG = """\
status=warn
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %m (%c{1})%n
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
"""
# Jars in a fixed order: with a wildcard the JVM takes them as the folder lists them, which differs between machines.
_JAVA_SERVICE = f"""\
#!/bin/bash
# java-service FOLDER CLASS [ARGUMENT...]: a class with all jars of a folder, with $JAVA_OPTIONS
folder=$1 main=$2
shift 2
exec {system.JAVA_HOME}/bin/java -XX:+ExitOnOutOfMemoryError -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
  {" ".join(OPEN_MODULES)} $JAVA_OPTIONS -cp "$(printf '%s:' "$folder"/*.jar)" "$main" "$@"
"""


def _kafka_script(main_class: str, flags: str) -> str:
    """What the published image's scripts do, without their options."""
    log = "-Dlog4j2.configurationFile=file:/opt/kafka/config/log4j2.properties"
    return (
        "#!/bin/bash\n"
        f"exec {system.JAVA_HOME}/bin/java ${{KAFKA_HEAP_OPTS:-{flags}}} -XX:+ExitOnOutOfMemoryError {log} "
        f"-cp '/opt/kafka/libs/*' {main_class} \"$@\"\n"
    )


def _kafka() -> Tree:
    tree = Tree()
    tree.tree(KAFKA.folder / "lib", "/opt/kafka/libs")
    tree.text("/opt/kafka/config/log4j2.properties", _KAFKA_LOG)
    for name, main_class, flags in (
        ("kafka-server-start", "kafka.Kafka", "-Xmx512m -XX:+UseSerialGC"),
        ("kafka-storage", "kafka.tools.StorageTool", "-Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"),
        ("kafka-topics", "org.apache.kafka.tools.TopicCommand", "-Xmx128m -XX:+UseSerialGC"),
        ("kafka-configs", "kafka.admin.ConfigCommand", "-Xmx128m -XX:+UseSerialGC"),
        ("kafka-acls", "kafka.admin.AclCommand", "-Xmx128m -XX:+UseSerialGC"),
        ("kafka-consumer-groups", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "-Xmx128m"),
    ):
        tree.text(f"/opt/kafka/bin/{name}.sh", _kafka_script(main_class, flags), mode=0o755)
    tree.folder("/var/lib/kafka/data", 0o777)
    return tree


def _influxdb() -> Tree:
    tree = Tree()
    tree.file(INFLUXD.folder / "bin" / "influxd", "/usr/local/bin/influxd")
    libraries.add(tree)
    return tree


def _hono() -> Tree:
    """All of Hono 1.0.3 and its broker; the stand-ins' chart says which service a container is."""
    tree = Tree()
    for service in ("auth", "registry", "mqtt", "http"):
        tree.tree(HONO.folder / service, f"/opt/hono/{service}")
    tree.tree(ARTEMIS.folder / "lib", "/opt/artemis/lib")
    tree.text("/usr/local/bin/java-service", _JAVA_SERVICE, mode=0o755)
    return tree


def _coredns() -> Tree:
    tree = Tree()
    tree.file(COREDNS.folder / "bin" / "coredns", "/coredns")
    return tree


@dataclasses.dataclass(frozen=True)
class Recipe:
    """An image: its layers from the lowest to the highest."""

    repository: str
    tag: str
    layers: tuple[Callable[[], Tree], ...]
    config: Config


def recipes(scratch: Path) -> tuple[Recipe, ...]:
    """All images. `scratch` keeps what has to be compiled for them."""
    base = cache(system.base)
    java = cache(system.java)
    java_config = Config(environment={"PATH": _JAVA_PATH, "JAVA_HOME": system.JAVA_HOME}, user="1000:1000")

    def pause() -> Tree:
        return system.pause(scratch)

    def dependencies() -> Tree:
        return python.dependencies(python.EXTRAS)

    def code() -> Tree:
        return python.code(python.commands())

    return (
        Recipe("pause", "3.10", (pause,), Config(("/pause",), user="65535:65535")),
        Recipe("coredns", COREDNS.version, (_coredns,), Config(("/coredns",), user="65532:65532")),
        Recipe(
            "racktwin/racktwin",
            python.version(),
            (base, python.interpreter, dependencies, code),
            Config(("racktwin", "--help"), python.ENVIRONMENT, "10001:10001", python.CODE),
        ),
        Recipe("racktwin/kafka", KAFKA.version, (base, java, _kafka), java_config),
        Recipe(
            "racktwin/influxdb",
            INFLUXD.version.removeprefix("v"),
            (base, _influxdb),
            Config(("influxd",), {"PATH": _PATH}, "1000:1000"),
        ),
        Recipe(
            "racktwin/hono",
            HONO.version,
            (base, java, _hono),
            java_config,
        ),
    )


def build(images: Images, scratch: Path, say: Callable[[str], None]) -> dict[str, str]:
    """Write the images that changed; `repository:tag` -> digest of the manifest."""
    written: dict[int, Blob] = {}
    made: dict[str, str] = {}
    for recipe in recipes(scratch):
        layers = []
        for layer in recipe.layers:
            if id(layer) not in written:
                written[id(layer)] = images.layer(layer())
            layers.append(written[id(layer)])
        name = f"{recipe.repository}:{recipe.tag}"
        before = images.manifest(recipe.repository, recipe.tag)
        made[name] = images.image(recipe.repository, recipe.tag, layers, recipe.config)
        size = sum(blob.size for blob in layers) / 1e6
        if before != made[name]:
            say(f"image {name}: {size:.0f} MB")
    images.sweep()
    return made
