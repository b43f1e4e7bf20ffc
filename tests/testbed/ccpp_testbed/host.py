# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the testbed asks of the host: commands, root, podman, and a place to keep its state."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
CHECKOUT = HERE.parent.parent
STATE = CHECKOUT / ".cache" / "testbed"

# Command -> the Debian and Ubuntu package that has it.
NEEDED = {
    "podman": "podman",
    "crun": "crun",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "iptables": "iptables",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "nsenter": "util-linux",
}
NEEDED_FILES = {
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
# podman makes networks with whichever of these it finds.
NETWORK_BACKENDS = ("/usr/lib/cni/bridge", "/usr/lib/podman/netavark", "/usr/libexec/podman/netavark")
# One limit of the kernel for root on all machines together, whose systemd watches files. 128 do for a dozen.
WATCHERS = Path("/proc/sys/fs/inotify/max_user_instances")
MOST_WATCHERS = 1024


class TestbedError(Exception):
    """Something a person has to do something about; one line."""

    __test__ = False  # not a test class, whatever pytest thinks of its name


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def timed(what: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    say(f"  {what}: {time.monotonic() - start:.1f} s")


def run(
    command: list[str],
    *,
    check: bool = True,
    stdin: str | None = None,
    environment: dict[str, str] | None = None,
    limit: float = 900,
) -> subprocess.CompletedProcess[str]:
    """Run a command quietly; a failure becomes one TestbedError with the command and its last words."""
    try:
        done = subprocess.run(
            command,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            timeout=limit,
            check=False,
        )
    except (FileNotFoundError, PermissionError):
        raise TestbedError(f"{command[0]} cannot be run here: it is not installed") from None
    except subprocess.TimeoutExpired:
        raise TestbedError(f"{shlex.join(command)[:200]} did not end within {limit:.0f} s") from None
    if check and done.returncode != 0:
        said = " | ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])
        raise TestbedError(f"{shlex.join(command)[:200]} failed with exit code {done.returncode}: {said}")
    return done


def as_root(command: list[str]) -> list[str]:
    """The command, through sudo where this user is not root."""
    return command if os.geteuid() == 0 else ["sudo", "--", *command]


def podman_command(*arguments: str) -> list[str]:
    return as_root([str(HERE / "in-cgroup2"), "podman", *arguments])


def podman(
    *arguments: str, check: bool = True, stdin: str | None = None, limit: float = 300
) -> subprocess.CompletedProcess[str]:
    return run(podman_command(*arguments), check=check, stdin=stdin, limit=limit)


def missing_packages() -> list[str]:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    packages = {package for command, package in NEEDED.items() if not shutil.which(command, path=path)}
    packages |= {package for file, package in NEEDED_FILES.items() if not Path(file).exists()}
    if not any(Path(backend).exists() for backend in NETWORK_BACKENDS):
        packages.add("netavark")
    return sorted(packages)


def has_podman() -> bool:
    return "podman" not in missing_packages()


def require_root(missing: list[str]) -> None:
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            install = f", after: apt-get install {' '.join(missing)}" if missing else ""
            raise TestbedError(
                f"the testbed starts machines in podman and needs root or sudo: run it as root{install}"
            )
        # Asked once here, so that no question comes up later from a thread.
        if subprocess.run(["sudo", "--validate"], check=False).returncode != 0:
            needed = f" (and, once: apt-get install {' '.join(missing)})" if missing else ""
            raise TestbedError(f"the testbed starts machines in podman and needs root: sudo refused{needed}")


def prepare() -> None:
    """Make sure of root and of the host's packages, installing what is missing."""
    missing = missing_packages()
    require_root(missing)
    if int(WATCHERS.read_text()) < MOST_WATCHERS:
        run(as_root(["tee", str(WATCHERS)]), stdin=f"{MOST_WATCHERS}\n", check=False)
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise TestbedError(
            f"install these first: {' '.join(missing)} (only Debian and Ubuntu hosts are known here)"
        )
    say(f"Installing on this host: {' '.join(missing)}")
    apt = as_root(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--yes"])
    run([*apt, "update"], check=False)
    try:
        run([*apt, "install", *missing])
    except TestbedError as error:
        raise TestbedError(
            f"could not install {' '.join(missing)}; do it by hand and try again ({error})"
        ) from None


@contextmanager
def locked(name: str) -> Iterator[None]:
    """One process at a time for one testbed; the lock goes with the process, however it ends."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / f"{name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that works on testbed {name}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
