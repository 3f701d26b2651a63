"""Layers that several images share: a small root file system with a shell, and a Java runtime."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from cluster.images import libraries
from cluster.images.tree import Tree
from cluster.shell import ClusterError
from local_stack.toolchain.jdk import find_jdk

JAVA_HOME = "/opt/java"
# For start scripts, and for people who look into a pod.
_TOOLS = (
    *("bash", "cat", "chmod", "cp", "date", "df", "du", "env", "false", "grep", "head", "hostname", "id", "ln", "ls"),
    *("mkdir", "mv", "printf", "ps", "pwd", "rm", "sed", "sh", "sleep", "sort", "stat", "tail", "tar", "test", "touch"),
    *("tr", "true", "uname", "wc"),
)
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_PASSWD = """\
root:x:0:0:root:/root:/bin/sh
racktwin:x:10001:10001:racktwin:/tmp:/bin/sh
app:x:1000:1000:app:/tmp:/bin/sh
nobody:x:65534:65534:nobody:/tmp:/bin/sh
"""
_GROUP = "root:x:0:\nracktwin:x:10001:\napp:x:1000:\nnogroup:x:65534:\n"
# The display's libraries would bring half a desktop along.
_NO_DISPLAY = ("libawt_xawt", "libsplashscreen", "libjawt", "libatk-wrapper")
_PAUSE = """\
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Holds a pod's namespaces: takes in orphans, ends when told. */
static void reap(int number) { (void)number; while (waitpid(-1, 0, WNOHANG) > 0) {} }
static void end(int number) { (void)number; _exit(0); }

int main(void) {
  signal(SIGINT, end);
  signal(SIGTERM, end);
  signal(SIGCHLD, reap);
  for (;;) pause();
}
"""


def base() -> Tree:
    """Users, a temporary folder, authorities of the Internet, a shell and a few programs."""
    tree = Tree()
    tree.text("/etc/passwd", _PASSWD)
    tree.text("/etc/group", _GROUP)
    tree.text("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    tree.folder("/tmp", 0o1777)
    tree.folder("/root", 0o700)
    if Path(_AUTHORITIES).exists():
        tree.file(Path(_AUTHORITIES), _AUTHORITIES)
    for name in _TOOLS:
        if found := shutil.which(name):
            tree.file(Path(found), f"/bin/{name}")
    tree.link("/usr/bin/env", "../../bin/env")
    libraries.add(tree)
    return tree


def java() -> Tree:
    """A Java runtime at `JAVA_HOME`: the JDK that the local stack uses, without what only compilers need."""
    tree = Tree()
    jdk = find_jdk()

    def keep(path: Path) -> bool:
        return path.parts[0] in {"bin", "conf", "lib", "release"} and not (
            path.name in {"ct.sym", "src.zip"} or path.name.startswith(_NO_DISPLAY)
        )

    tree.tree(jdk, JAVA_HOME, keep)
    libraries.add(tree)
    return tree


def pause(folder: Path) -> Tree:
    """The program that every pod begins with, compiled on first use into `folder`. Raises ClusterError."""
    program = folder / "pause"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            source, made = Path(scratch) / "pause.c", Path(scratch) / "pause"
            source.write_text(_PAUSE, encoding="utf-8")
            command = ["gcc", "-static", "-Os", "-s", "-o", str(made), str(source)]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            if result.returncode != 0:
                raise ClusterError(f"gcc cannot build the pause program: {result.stderr.strip()[-400:]}")
            made.rename(program)
    tree = Tree()
    tree.file(program, "/pause")
    return tree
