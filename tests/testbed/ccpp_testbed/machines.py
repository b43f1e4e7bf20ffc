# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start and stop the machines of a testbed. Starting again what runs changes nothing."""

from __future__ import annotations

import functools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import access, cleaning, disks, image
from .host import TestbedError, locked, podman, prepare, say
from .topology import COMMUNE, LABEL, Machine, Network, Topology, chosen, keep, load

# More than this is refused on hosts where even root lacks CAP_SYS_RESOURCE.
LIMITS = ("--pids-limit=0", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")

# Waits for the end of the start, lets the testbed's key in, tells the host key and what failed to start.
WELCOME = """
set -u
for attempt in $(seq 600); do
    state=$(systemctl is-system-running 2>/dev/null)
    case $state in running|degraded) break ;; esac
    sleep 0.2
done
install -d -m 0700 -o admin -g admin /home/admin/.ssh
printf '%s\\n' "$1" > /home/admin/.ssh/authorized_keys
chown admin:admin /home/admin/.ssh/authorized_keys
echo "state $state"
echo "failed" $(systemctl list-units --failed --plain --no-legend 2>/dev/null | cut -d ' ' -f 1)
echo "hostkey $(cut -d ' ' -f 1-2 /etc/ssh/ssh_host_ed25519_key.pub)"
"""


# systemd in a container leaves mounts private. On a machine it makes them shared, and only so does a file
# system that is unmounted go from under the sandboxed services, too.
INIT = ("sh", "-c", "mount --make-rshared / && exec /sbin/init")
ROUTES = "/etc/systemd/system/testbed-routes.service"


def create(
    name: str,
    commune: str = COMMUNE,
    *,
    fresh: bool = False,
    blank_disks: int = 0,
    definition: Path | None = None,
) -> Topology:
    """Bring up every network and machine of the testbed, whatever an earlier run left; its topology.

    Each server gets so many blank disks of its own. The definition is a topology file; without it, the
    scenario's own or the usual one.
    """
    text = chosen(name, commune, definition)
    prepare()
    with locked("image"):
        tag = image.ensure()
    with locked(name):
        cleaning.remove_orphans()
        before = load(name)
        if fresh:
            cleaning.remove(before)
        keep(name, text)
        topology = load(name)
        if topology != before:
            cleaning.remove(before, keep_state=True)
        public_key = access.ensure_key(name)
        keys = resume(topology, tag, public_key)
        if keys is None:
            # Never some old machines with some new ones: what they hold of each other would not fit.
            cleaning.remove(topology, keep_state=True)
            topology, keys = start_all(topology, tag, public_key)
        for machine in topology.machines.values():
            lay_routes(machine)
        for server, devices in disks.attach(topology, blank_disks).items() if blank_disks else ():
            disks.name_them(topology.machines[server], devices)
        access.write(topology, dict(zip(topology.machines, keys, strict=True)))
        for short in topology.machines:
            wait_for_ssh(name, short)
    return topology


def start_all(topology: Topology, tag: str, public_key: str) -> tuple[Topology, list[str]]:
    """Make the networks and start the machines; the topology that came to be, and the SSH host keys."""
    used: list[int] = []
    while True:
        topology = create_networks(topology, tag)
        try:
            begin = functools.partial(start, topology=topology, tag=tag, public_key=public_key)
            with ThreadPoolExecutor() as pool:
                return topology, list(pool.map(begin, topology.machines.values()))
        except TestbedError as error:
            # netavark lets nobody take back the address of a container whose start was killed: take others.
            if "already allocated" not in str(error) or len(used) == 3:
                raise
            used.append(topology.number)
            cleaning.remove(topology, keep_state=True)
            topology = load(topology.name, avoid=used)


def resume(topology: Topology, tag: str, public_key: str) -> list[str] | None:
    """Use the machines that are there, starting those that were stopped; None unless all of them answer."""
    if not (networks_match(topology, tag) and machines_match(topology, tag)):
        return None
    names = [machine.full_name for machine in topology.machines.values()]
    podman("start", *names, check=False, limit=60)
    with ThreadPoolExecutor() as pool:
        welcomes = list(pool.map(lambda machine: greet(machine, public_key), topology.machines.values()))
    keys = [welcome["hostkey"] for welcome in welcomes if welcome is not None]
    return keys if len(keys) == len(names) else None


def wait_for_ssh(name: str, machine: str) -> None:
    for _attempt in range(50):
        if access.answers(name, machine):
            return
        time.sleep(0.2)
    raise TestbedError(
        f"machine {machine} of testbed {name} does not let the controller in over SSH;"
        f" start afresh with: tests/testbed/testbed create {name} --fresh"
    )


def start_again(name: str, machine: str) -> None:
    """Start a machine that is going down for a restart, as the firmware of a real one does."""
    container = load(name).machines[machine].full_name
    podman("wait", "--condition=exited", container)
    podman("start", container)
    wait_for_ssh(name, machine)


def inspect(kind: str, name: str) -> dict[str, object] | None:
    found = podman(kind, "inspect", name, check=False)
    if found.returncode != 0:
        return None
    data = json.loads(found.stdout)[0]
    assert isinstance(data, dict)
    return data


def networks_match(topology: Topology, tag: str) -> bool:
    for network in topology.networks.values():
        found = inspect("network", network.full_name)
        labels = (found or {}).get("labels") or {}
        if not isinstance(labels, dict) or labels.get(f"{LABEL}.mark") != mark_of(topology, tag):
            return False
    return True


def mark_of(topology: Topology, tag: str) -> str:
    """Machines with another mark are of another image or topology, and of no use."""
    return f"{topology.fingerprint}-{tag.rpartition(':')[2]}"


def labels(topology: Topology, tag: str) -> list[str]:
    return [
        f"--label={LABEL}={topology.key}",
        f"--label={LABEL}.name={topology.name}",
        f"--label={LABEL}.number={topology.number}",
        f"--label={LABEL}.mark={mark_of(topology, tag)}",
        f"--label={LABEL}.networks={topology.footprint}",
        f"--label={LABEL}.state={access.state_directory(topology.name)}",
    ]


def create_networks(topology: Topology, tag: str) -> Topology:
    """Make the networks; returns the topology they follow: another testbed may just have taken the number."""
    failed: list[int] = []
    while True:
        try:
            for network in topology.networks.values():
                create_network(network, topology, tag)
        except TestbedError:
            cleaning.remove(topology, keep_state=True)
            failed.append(topology.number)
            # Once more with the same number: most often the bridge of a killed run still had its addresses.
            if len(failed) == 5:
                raise
            topology = load(topology.name, avoid=failed[1:])
        else:
            cleaning.remember_bridges(topology)
            return topology


def create_network(network: Network, topology: Topology, tag: str) -> None:
    options = ["--disable-dns", *labels(topology, tag)]
    options += [f"--subnet={subnet}" for subnet in network.subnets]
    options += ["--internal"] if network.internal else []
    options += ["--ipv6"] if any(subnet.version == 6 for subnet in network.subnets) else []
    podman("network", "create", *options, network.full_name)


def start(machine: Machine, topology: Topology, tag: str, public_key: str) -> str:
    """Start a new machine and let the key in; its SSH host key."""
    begun = time.monotonic()
    podman("rm", "--force", "--time=0", "--volumes", machine.full_name, check=False)
    start_new(machine, topology, tag)
    welcome = greet(machine, public_key)
    if welcome is None:
        said = podman("logs", "--tail=5", machine.full_name, check=False).stdout
        raise TestbedError(f"machine {machine.full_name} did not start: {' | '.join(said.splitlines())}")
    say(f"  machine {machine.full_name}: {time.monotonic() - begun:.1f} s")
    if welcome["failed"]:
        say(f"  machine {machine.full_name}: did not start: {welcome['failed']}")
    return welcome["hostkey"]


def machines_match(topology: Topology, tag: str) -> bool:
    for machine in topology.machines.values():
        config = (inspect("container", machine.full_name) or {}).get("Config")
        its_labels = config.get("Labels") if isinstance(config, dict) else None
        if not isinstance(its_labels, dict) or its_labels.get(f"{LABEL}.mark") != mark_of(topology, tag):
            return False
    return True


def start_new(machine: Machine, topology: Topology, tag: str) -> None:
    networks = []
    for network, addresses in machine.addresses.items():
        options = [f"ip{'6' if ':' in one else ''}={one}" for one in addresses]
        options += [f"mac={machine.mac(network)}", f"interface_name={network}"]
        networks.append(f"--network={topology.networks[network].full_name}:{','.join(options)}")
    command = [
        *("run", "--detach", "--name", machine.full_name, f"--hostname={machine.inventory_name}"),
        *(
            "--privileged",
            "--systemd=always",
            "--stop-timeout=5",
            "--restart=no",
            "--http-proxy=false",
            "--pull=never",
        ),
        *(*LIMITS, *labels(topology, tag), *networks, tag, *INIT),
    ]
    podman(*command)


def lay_routes(machine: Machine) -> None:
    """Let the machine forward what is not for it, and know its routes, now and at every start."""
    commands = [
        "/usr/sbin/sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1"
    ] * machine.forward
    commands += [f"/usr/sbin/ip route replace {target} via {via}" for target, via in machine.routes.items()]
    if not commands:
        return
    unit = "\n".join(
        [
            *("[Unit]", "Before=network-online.target", "[Service]", "Type=oneshot", "RemainAfterExit=yes"),
            *(f"ExecStart={command}" for command in commands),
            *("[Install]", "WantedBy=multi-user.target", ""),
        ]
    )
    name = Path(ROUTES).name
    script = (
        f"cat > {ROUTES} && systemctl daemon-reload && systemctl enable -q {name} && systemctl restart {name}"
    )
    done = podman(*("exec", "--interactive", machine.full_name, "sh", "-c", script), check=False, stdin=unit)
    if done.returncode != 0:
        raise TestbedError(f"machine {machine.full_name} cannot route so: {done.stderr.strip()[:200]}")


def greet(machine: Machine, public_key: str) -> dict[str, str] | None:
    """What the machine says of itself once started, or None when it does not answer."""
    said = podman(
        "exec", "--interactive", machine.full_name, "sh", "-s", "--", public_key, check=False, stdin=WELCOME
    )
    words = dict(line.partition(" ")[::2] for line in said.stdout.splitlines())
    return words if said.returncode == 0 and words.get("hostkey", "").startswith("ssh-") else None
