# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long many communes take, validated and as an inventory. `python bench/inventory.py [COUNT...]`"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "collections"))

from ansible_collections.ccpp.backup.plugins.module_utils.commune import addresses, folder  # noqa: E402 # needs the path above

WORKSTATIONS = 5
# The example's pools hold 500 communes.
POOLS = {"loopbacks": "10.80.0.0/16", "tunnels_1": "10.81.0.0/16", "tunnels_2": "10.82.0.0/16"}


def main(counts: list[int]) -> None:
    print(f"{'communes':>8} {'hosts':>7} {'validate':>10} {'per file':>10} {'graph':>8} {'cached':>8}")
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            measure(pathlib.Path(name), count)


def measure(inventory: pathlib.Path, count: int) -> None:
    communes = inventory / "communes"
    communes.mkdir()
    for number in range(count):
        (communes / f"commune-{number}.yml").write_text(commune(number), encoding="utf-8")
    source = (ROOT / "inventory/ccpp.yml").read_text(encoding="utf-8").split("pools:")[0]
    pooled = f"{source}pools: {json.dumps(POOLS)}\n"
    (inventory / "ccpp.yml").write_text(pooled, encoding="utf-8")

    begun = time.monotonic()
    found = folder.validate(folder.read((path.name, path) for path in folder.files(communes)))
    validation = time.monotonic() - begun
    if found.lines:
        sys.exit(found.summary())
    pools = addresses.Pools.from_mapping(POOLS)
    allocation = addresses.allocate(addresses.Allocation(), pools, found.communes)
    (inventory / "allocation.yml").write_text(allocation.text(), encoding="utf-8")

    cache = {
        "ANSIBLE_INVENTORY_CACHE": "1",
        "ANSIBLE_INVENTORY_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_INVENTORY_CACHE_CONNECTION": str(inventory / "cache"),
    }
    plain = graph(inventory, {})
    graph(inventory, cache)
    cached = graph(inventory, cache)
    hosts = count * (1 + WORKSTATIONS) + 1
    per_file = f"{validation / count * 1000:.2f} ms"
    print(
        f"{count:8} {hosts:7} {validation:8.2f} s {per_file:>10} {plain:6.1f} s {cached:6.1f} s", flush=True
    )


def graph(inventory: pathlib.Path, settings: dict[str, str]) -> float:
    """Seconds that `ansible-inventory --graph` takes."""
    begun = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "ansible", "inventory", "-i", "ccpp.yml", "--graph"],
        cwd=inventory,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **settings},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.monotonic() - begun


def commune(number: int) -> str:
    """The example commune with a name, a code and some workstations of its own."""
    text = (ROOT / "inventory/communes/saint-exemple.yml").read_text(encoding="utf-8")
    text = text.replace("Saint-Exemple-sur-Noye", f"Commune {number}").replace("99001", f"{number:05}")
    for workstation in range(1, WORKSTATIONS):
        text += (
            f"  poste-{workstation}: {{kind: windows, address: poste-{workstation}.example.org, "
            f"paths: ['C:\\Users'], exclude: ['*.tmp', '*.bak'], priority: {workstation}}}\n"
        )
    return text


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [50, 250, 1000])
