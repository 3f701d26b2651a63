"""Command lines for Java components: the class path, and flags that keep starts short and heaps small."""

from pathlib import Path

from local_stack.toolchain.jdk import find_jdk

# Vert.x and Netty of Hono 1.0.3's time reach into the JDK by reflection.
OPEN_MODULES = (
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "-Dio.netty.tryReflectionSetAccessible=true",
)


def java(
    libraries: Path, main_class: str, heap_mb: int, flags: tuple[str, ...] = (), *, quick: bool = True
) -> list[str]:
    """A command line that runs `main_class` with the jars of a folder.

    `quick` stops at the first compiler tier and collects serially: it halves the CPU that a start costs, and suits
    components whose peak rate does not matter here.
    """
    tuning = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"] if quick else ["-XX:+UseSerialGC"]
    # Jars in a fixed order: with a wildcard the JVM takes them as the folder lists them, which differs between
    # machines.
    class_path = ":".join(str(jar) for jar in sorted(libraries.glob("*.jar")))
    return [
        str(find_jdk() / "bin" / "java"),
        "-XX:+ExitOnOutOfMemoryError",
        "-Xshare:auto",
        f"-Xmx{heap_mb}m",
        *tuning,
        *flags,
        "-cp",
        class_path,
        main_class,
    ]
