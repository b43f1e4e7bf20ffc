# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Debian 13 image of every machine, kept in podman under the hash of its definition."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from .host import HERE, STATE, TestbedError, as_root, podman, run, say, timed

REPOSITORY = "localhost/ccpp-backup/debian13"
BASE = (
    "systemd,systemd-sysv,dbus,python3,python3-apt,iproute2,iputils-ping,sudo,ca-certificates,procps,"
    "openssh-server,kmod,less,tzdata"
)

# Run in the new root tree. Packages are downloaded last, so that a run finds them in apt's own cache.
CUSTOMISE = r"""
set -eu
root=$1
printf '%s\n' 'force-unsafe-io' > "$root/etc/dpkg/dpkg.cfg.d/testbed"
printf 'path-exclude=/usr/share/%s/*\n' man locale info > "$root/etc/dpkg/dpkg.cfg.d/testbed-small"
printf '%s\n' 'APT::Keep-Downloaded-Packages "true";' 'Binary::apt::APT::Keep-Downloaded-Packages "true";' \
    'Acquire::Languages "none";' 'Acquire::Retries "1";' \
    'Acquire::http::Timeout "20";' 'Acquire::https::Timeout "20";' \
    > "$root/etc/apt/apt.conf.d/90testbed"
test ! -s "$root/proxy.conf" || mv "$root/proxy.conf" "$root/etc/apt/apt.conf.d/91testbed-proxy"
rm -f "$root/proxy.conf" "$root"/etc/ssh/ssh_host_*
chroot "$root" useradd --create-home --shell /bin/bash admin
printf '%s\n' 'admin ALL=(ALL) NOPASSWD: ALL' > "$root/etc/sudoers.d/admin"
chmod 0440 "$root/etc/sudoers.d/admin"
printf '%s\n' 'PasswordAuthentication no' 'PermitRootLogin no' 'UseDNS no' \
    > "$root/etc/ssh/sshd_config.d/testbed.conf"
printf '%s\n' 'LANG=C.UTF-8' > "$root/etc/default/locale"
# Every machine makes host keys of its own at its first start.
mkdir -p "$root/etc/systemd/system/ssh.service.d"
printf '%s\n' '[Service]' 'ExecStartPre=' 'ExecStartPre=/usr/bin/ssh-keygen -A' \
    'ExecStartPre=/usr/sbin/sshd -t' > "$root/etc/systemd/system/ssh.service.d/host-keys.conf"
# None of these makes sense in a container, and each costs a start some seconds.
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-networkd-wait-online.service \
    systemd-firstboot.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    e2scrub_all.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
mkdir -p "$root/etc/systemd/journald.conf.d"
# The kernel is the host's: what it says is of other machines.
printf '%s\n' '[Journal]' 'Storage=persistent' 'RateLimitBurst=0' 'ReadKMsg=no' \
    > "$root/etc/systemd/journald.conf.d/testbed.conf"
rm -f "$root"/var/cache/apt/archives/*.deb
chroot "$root" apt-get --quiet --yes --download-only --no-install-recommends install @PACKAGES@
: > "$root/etc/machine-id"
"""


def packages() -> list[str]:
    lines = (HERE / "packages.txt").read_text(encoding="utf-8").splitlines()
    return sorted({line.split("#")[0].strip() for line in lines} - {""})


def script() -> str:
    return CUSTOMISE.replace("@PACKAGES@", " ".join(packages()))


def tag() -> str:
    definition = f"{BASE}\n{script()}\n{host_proxy()}"
    return f"{REPOSITORY}:{hashlib.sha256(definition.encode()).hexdigest()[:12]}"


def host_proxy() -> str:
    """The host's own proxy for packages, if it has one, as lines of an apt configuration file."""
    lines = run(["apt-config", "dump"], check=False).stdout.splitlines()
    found = [line for line in lines if line.startswith(("Acquire::http::Proxy", "Acquire::https::Proxy"))]
    if not found and os.environ.get("http_proxy"):
        found = [f'Acquire::http::Proxy "{os.environ["http_proxy"]}";']
    return "".join(f"{line}\n" for line in found)


def build_directory() -> Path:
    return STATE / "image.build"


def remove_build_directory() -> None:
    """What an interrupted build left; its mounts went with its own mount namespace."""
    if build_directory().exists():
        run(as_root(["rm", "-rf", "--one-file-system", str(build_directory())]))


def bootstrap(target: Path) -> str | None:
    """Build the root tree; what mmdebstrap complained of, or None."""
    proxy = build_directory() / "proxy.conf"
    proxy.write_text(host_proxy(), encoding="utf-8")
    customise = build_directory() / "customise"
    customise.write_text(script(), encoding="utf-8")
    command = [
        # When whoever waits for it is killed, mmdebstrap and all that it started go too.
        *("setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child"),
        *("--mount-proc", "--mount", "--propagation", "private"),
        *("env", f"TMPDIR={build_directory()}", "mmdebstrap"),
        *("--quiet", "--mode=root", "--variant=minbase", f"--include={BASE}"),
        *('--aptopt=Acquire::Languages "none"', "--dpkgopt=force-unsafe-io"),
        *("--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*"),
        "--skip=cleanup/apt",
        f"--customize-hook=copy-in {proxy} /",
        f'--customize-hook=sh {customise} "$1"',
        *("trixie", str(target)),
    ]
    done = run(as_root(command), check=False, limit=1200)
    if done.returncode == 0:
        return None
    target.unlink(missing_ok=True)
    return " | ".join(line for line in done.stderr.splitlines() if line.startswith(("E:", "W:")))[-300:]


def ensure() -> str:
    """Build the image unless it is there; its tag."""
    name = tag()
    if podman("image", "exists", name, check=False).returncode == 0:
        return name
    remove_build_directory()
    build_directory().mkdir(parents=True)
    archive = build_directory() / "root.tar"
    say("Building the Debian 13 image (once; kept until its definition changes)")
    try:
        with timed("image"):
            if bootstrap(archive) is not None:
                say("  the Debian mirror did not give everything; trying once more")
                complaint = bootstrap(archive)
                if complaint is not None:
                    raise TestbedError(
                        "no Debian 13 image could be built, and nothing of it was kept;"
                        f" is the Debian mirror reachable? ({complaint})"
                    )
            changes = [
                '--change=CMD ["/sbin/init"]',
                "--change=STOPSIGNAL SIGRTMIN+3",
                f"--change=LABEL {REPOSITORY}=1",
            ]
            podman("import", "--quiet", *changes, str(archive), name)
    finally:
        remove_build_directory()
    # Other checkouts may be of another definition.
    forget(newest=3)
    return name


def forget(newest: int = 0) -> None:
    """Remove the images of ours that no machine uses, save so many of the newest."""
    command = ("images", "--sort", "created", "--format", "{{.Repository}}:{{.Tag}}", REPOSITORY)
    for image in podman(*command, check=False).stdout.split()[newest:]:
        podman("image", "rm", image, check=False)
