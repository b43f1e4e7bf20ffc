# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory as ansible-inventory and ansible-playbook see it."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.ccpp.backup.plugins.inventory.communes import InventoryModule

COLLECTIONS = pathlib.Path(__file__).parents[3] / "collections"
GRAPH = """\
@all:
  |--@ungrouped:
  |--@communes:
  |  |--@tier_1tb:
  |  |  |--@commune_saint_exemple:
  |  |  |  |--saint-exemple-local
  |  |  |  |--saint-exemple-accueil
  |  |--@tier_4tb:
  |  |--@tier_10tb:
  |--@state_joining:
  |--@state_active:
  |  |--@commune_saint_exemple:
  |  |  |--saint-exemple-local
  |  |  |--saint-exemple-accueil
  |--@state_leaving:
  |--@state_erasing:
  |--@state_left:
  |--@workstations:
  |  |--@linux_workstations:
  |  |  |--saint-exemple-accueil
  |  |--@windows_workstations:
  |--@local_servers:
  |  |--saint-exemple-local
  |--@remote_servers:
  |  |--remote
  |--@uplink_fibre:
  |  |--@commune_saint_exemple:
  |  |  |--saint-exemple-local
  |  |  |--saint-exemple-accueil
"""
PLAY = """\
- hosts: all
  gather_facts: false
  connection: local
  tasks:
    - ansible.builtin.copy: {content: started, dest: started}
"""


def _variables(checkout, host):
    done = checkout.run("inventory", "--host", host)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_commune_is_a_server_and_its_workstations_in_its_groups(checkout):
    done = checkout.run("inventory", "--graph")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", GRAPH)


def test_hosts_know_their_address_their_commune_and_its_remote_server(checkout, full):
    checkout.add("rozoy", json.dumps(full))
    server = _variables(checkout, "rozoy-local")
    assert (server["ansible_host"], server["ansible_port"]) == ("192.0.2.40", 2222)
    assert (server["commune_slug"], server["commune_remote"]) == ("rozoy", "remote")
    assert "commune_source" not in server
    settings = server["commune_settings"]
    assert settings["contract"]["end"] == "2028-12-31"
    assert list(settings["sources"]) == ["accueil", "compta", "partage", "serveur"]

    workstation = _variables(checkout, "rozoy-compta")
    assert workstation["commune_source"] == "compta"
    assert workstation["ansible_host"] == "pc-compta.example.org"
    assert "ansible_port" not in workstation
    assert workstation["commune_settings"] == settings

    remote = _variables(checkout, "remote")
    assert remote["ansible_host"] == "198.51.100.20"
    assert "commune_settings" not in remote
    assert "commune_addresses" not in remote


def test_hosts_know_their_addresses_inside_the_tunnels(checkout, full):
    checkout.add("rozoy", json.dumps(full))
    pools = ["10.83.0.0/22", "10.83.4.0/22", "10.83.8.0/22"]
    assert _variables(checkout, "rozoy-accueil")["commune_addresses"] == {
        "loopback": "10.83.0.3",
        "remote_loopback": "10.83.0.1",
        "pools": pools,
        "lan": "192.168.1.0/24",
        "tunnels": [
            {"network": "10.83.4.2/31", "remote": "10.83.4.2", "local": "10.83.4.3", "port": 51674},
            {"network": "10.83.8.2/31", "remote": "10.83.8.2", "local": "10.83.8.3", "port": 51675},
        ],
    }
    assert _variables(checkout, "saint-exemple-local")["commune_addresses"]["lan"] is None
    assert _variables(checkout, "remote")["service_addresses"] == {
        "loopback": "10.83.0.1",
        "pools": pools,
    }


def test_without_pools_there_are_no_addresses_and_none_are_asked_for(checkout, full):
    source = checkout.path / "ccpp.yml"
    source.write_text(source.read_text().split("pools:")[0])
    (checkout.path / "allocation.yml").unlink()
    assert "commune_addresses" not in _variables(checkout, "saint-exemple-local")


def _change(checkout, file, old, new):
    path = checkout.path / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "allocation.yml",
            "saint-exemple:",
            "rozoy:",
            "communes/saint-exemple.yml: has no addresses in allocation.yml; "
            "run `make allocate` and commit allocation.yml",
        ),
        (
            "allocation.yml",
            "10.83.4.0/31",
            "10.83.5.300/31",
            "allocation.yml: communes.saint-exemple.tunnels[0]: '10.83.5.300/31' is not a network of two "
            "addresses (/31); restore the line from version control",
        ),
        (
            "ccpp.yml",
            "loopbacks: 10.83.0.0/22",
            "loopbacks: 10.84.0.0/22",
            "allocation.yml: remote.loopback: 10.83.0.1 is not in the pool loopbacks (10.84.0.0/22); "
            "widen the pool, or restore the line from version control",
        ),
        (
            "ccpp.yml",
            "tunnels_1: 10.83.4.0/22",
            "tunnels_1: 10.83.4.0",
            "ccpp.yml: pools.tunnels_1: '10.83.4.0' is not a range; "
            "write a range of IPv4 addresses such as 10.83.0.0/22",
        ),
        (
            "communes/saint-exemple.yml",
            "{address: 192.0.2.10}",
            "{address: 192.0.2.10, lan: 10.83.0.0/16}",
            "communes/saint-exemple.yml: server.lan: 10.83.0.0/16 overlaps with the pool loopbacks "
            "10.83.0.0/22; choose other pools in ccpp.yml before anything is allocated, or another network",
        ),
    ],
)
def test_an_address_plan_that_does_not_fit_ends_the_command_with_its_cure(checkout, file, old, new, said):
    _change(checkout, file, old, new)
    done = checkout.run("inventory", "--graph")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.splitlines()[0] == f"[ERROR]: {said}"


def test_an_allocation_that_cannot_be_read_ends_the_command(checkout):
    (checkout.path / "allocation.yml").unlink()
    (checkout.path / "allocation.yml").mkdir()
    done = checkout.run("inventory", "--graph")
    assert done.returncode == 4
    assert "allocation.yml: cannot be read (Is a directory); it must be a file" in done.stderr


def test_a_commune_whose_data_cannot_be_back_in_time_ends_the_command(checkout, example):
    checkout.add("saint-exemple", example.replace("priority: 1}", "priority: 1, size_gb: 90000}"))
    done = checkout.run("inventory", "--graph")
    assert (done.returncode, done.stdout) == (4, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("[ERROR]: communes/saint-exemple.yml: recovery: from LOCAL, 90 TB take 213.8 h")


def test_only_workstations_become_hosts(checkout, full):
    checkout.add("rozoy", json.dumps(full))
    done = checkout.run("inventory", "--list")
    hosts = json.loads(done.stdout)["commune_rozoy"]["hosts"]
    assert hosts == ["rozoy-local", "rozoy-accueil", "rozoy-compta"]


def _groups(checkout):
    done = checkout.run("inventory", "--list")
    assert done.returncode == 0, done.stderr
    return {name: set(group.get("hosts", ())) for name, group in json.loads(done.stdout).items()}


@pytest.mark.parametrize(
    ("state", "there", "gone"),
    [
        ("leaving", ("commune_rozoy", "local_servers"), ("windows_workstations", "linux_workstations")),
        ("erasing", ("commune_rozoy",), ("local_servers", "windows_workstations", "linux_workstations")),
    ],
)
def test_site_leaves_a_commune_that_leaves_alone_bit_by_bit(checkout, full, state, there, gone):
    checkout.add("rozoy", json.dumps({**full, "state": state}))
    groups = _groups(checkout)
    for group in there:
        assert "rozoy-local" in groups[group]
    for group in gone:
        assert not any(host.startswith("rozoy-") for host in groups.get(group, ()))
    assert "rozoy-accueil" in groups["commune_rozoy"]


def test_a_commune_that_has_left_has_no_hosts_and_needs_no_addresses(checkout, full):
    checkout.add("rozoy", json.dumps({**full, "state": "left"}))
    text = (checkout.path / "allocation.yml").read_text(encoding="utf-8")
    without = "".join(line for line in text.splitlines(keepends=True) if "rozoy" not in line)
    (checkout.path / "allocation.yml").write_text(without, encoding="utf-8")
    assert not any(host.startswith("rozoy-") for hosts in _groups(checkout).values() for host in hosts)
    assert "commune_rozoy" in checkout.run("inventory", "--graph", "state_left").stdout


@pytest.mark.parametrize("limit", ["commune_rozoy", "state_joining", "uplink_fibre:&tier_4tb"])
def test_limit_takes_exactly_one_commune(checkout, full, limit):
    checkout.add("rozoy", json.dumps(full))
    (checkout.path / "play.yml").write_text(PLAY)
    done = checkout.run("playbook", "play.yml", "--list-hosts", "--limit", limit)
    names = {line.strip() for line in done.stdout.splitlines() if line.startswith("      ")}
    assert names == {"rozoy-local", "rozoy-accueil", "rozoy-compta"}


BROKEN = (
    '[ERROR]: communes/saint-exemple.yml: insee: 99001 is a number here; write it in quotes: "99001"\n'
    "[ERROR]: communes/saint-exemple.yml: opening.weekdays[1]: 'sonday' is not a weekday "
    "(use mon, tue, wed, thu, fri, sat, sun)\n"
)


@pytest.fixture
def broken(checkout, example):
    checkout.add("saint-exemple", example.replace('"99001"', "99001").replace("tue", "sonday"))
    (checkout.path / "play.yml").write_text(PLAY)
    return checkout


@pytest.mark.parametrize("command", [("inventory", "--graph"), ("playbook", "play.yml")])
def test_a_broken_file_ends_the_command_with_one_line_per_mistake(broken, command):
    done = broken.run(*command)
    assert (done.returncode, done.stdout, done.stderr) == (4, "", BROKEN)
    assert not (broken.path / "started").exists()


def test_a_broken_file_ends_the_command_whatever_the_settings(broken, tmp_path):
    settings = tmp_path / "ansible.cfg"
    settings.write_text("[inventory]\nany_unparsed_is_failed = false\n")
    collections = str(pathlib.Path(__file__).parents[3] / "collections")
    done = broken.run(
        "playbook", "play.yml", ANSIBLE_CONFIG=str(settings), ANSIBLE_COLLECTIONS_PATH=collections
    )
    assert (done.returncode, done.stdout, done.stderr) == (4, "", BROKEN)
    assert not (broken.path / "started").exists()


LIBRARY = """\
from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, inventory_loader

init_plugin_loader()
plugin = inventory_loader.get("ccpp.backup.communes")
try:
    plugin.parse(InventoryData(), DataLoader(), "ccpp.yml")
except AnsibleParserError as error:
    print(error)
"""


def test_a_program_that_uses_ansible_as_a_library_gets_the_exception(broken):
    done = broken.python("-c", LIBRARY)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == BROKEN.replace("[ERROR]: ", "")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("remote_address:", "remote_adress:", "ccpp.yml: Required config 'remote_address'"),
        (
            "remote_address:",
            "cachet: 1\nremote_address:",
            "'cachet' is not an option; did you mean cache?",
        ),
        (
            "communes: communes",
            "communes: gone",
            "gone: No such file or directory; `communes` names",
        ),
    ],
)
def test_a_mistake_in_the_source_file_is_one_line(checkout, old, new, said):
    source = checkout.path / "ccpp.yml"
    source.write_text(source.read_text().replace(old, new))
    done = checkout.run("inventory", "--graph")
    assert (done.returncode, done.stdout) == (4, "")
    (line,) = done.stderr.splitlines()
    assert said in line


def test_no_value_of_a_file_is_ever_evaluated_as_a_template(checkout, full):
    hostile = "{{ lookup('ansible.builtin.pipe', 'touch evaluated') }}"
    full["sources"]["accueil"]["exclude"] = [hostile]
    checkout.add("rozoy", json.dumps(full))
    task = {"ansible.builtin.debug": {"msg": "{{ commune_settings.sources.accueil.exclude[0] }}"}}
    play = [{"hosts": "rozoy-local", "gather_facts": False, "tasks": [task]}]
    (checkout.path / "play.yml").write_text(json.dumps(play))
    done = checkout.run("playbook", "play.yml")
    assert done.returncode == 0
    assert "touch evaluated" in done.stdout
    assert not (checkout.path / "evaluated").exists()


def test_the_folder_can_be_the_inventory_with_secrets_and_certificates_in_it(checkout):
    for name in ("secrets", "pki"):
        (checkout.path / name).mkdir()
        (checkout.path / name / "saint-exemple.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n00\n")
    done = checkout.run("inventory", "-i", ".", "--graph")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", GRAPH)


def test_a_cached_inventory_notices_every_change(checkout):
    cache = checkout.path / "cache"
    settings = {
        "ANSIBLE_INVENTORY_CACHE": "1",
        "ANSIBLE_INVENTORY_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_INVENTORY_CACHE_CONNECTION": str(cache),
        "ANSIBLE_INVENTORY_CACHE_TIMEOUT": "0",
    }

    def name():
        done = checkout.run("inventory", "--host", "saint-exemple-local", **settings)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["commune_settings"]["name"]

    assert name() == "Saint-Exemple-sur-Noye"
    (kept,) = cache.iterdir()
    kept.write_text(kept.read_text().replace("Saint-Exemple-sur-Noye", "From the cache"))
    assert name() == "From the cache"
    for changed in ("communes/saint-exemple.yml", "allocation.yml"):
        kept.write_text(kept.read_text().replace("Saint-Exemple-sur-Noye", "From the cache"))
        file = checkout.path / changed
        file.write_text(file.read_text() + "# a comment\n")
        assert name() == "Saint-Exemple-sur-Noye"


def test_other_plugins_files_are_left_to_them(tmp_path):
    plugin = InventoryModule()
    for name, content in {
        "a.yml": "all: {hosts: {x: }}\n",
        "b.yml": "plugin: ansible.builtin.constructed\n",
        "c.ini": "plugin: ccpp.backup.communes\n",
        "d.yml": "# plugin: ccpp.backup.communes\n",
    }.items():
        (tmp_path / name).write_text(content)
        assert not plugin.verify_file(str(tmp_path / name)), name
    assert not plugin.verify_file(str(tmp_path / "missing.yml"))
    (tmp_path / "e.yaml").write_text("---\nplugin:  'ccpp.backup.communes' # ours\r\n")
    assert plugin.verify_file(str(tmp_path / "e.yaml"))


def _measured(checkout, host, content):
    (checkout.path / "measured").mkdir(exist_ok=True)
    (checkout.path / "measured" / f"{host}.json").write_text(content, encoding="utf-8")


def test_a_promise_is_judged_by_the_rates_that_the_servers_measured(checkout):
    _measured(
        checkout, "saint-exemple-local", '{"disk_read_mb_s": 0.5, "measured_at": "2026-03-01T08:00:00Z"}'
    )
    done = checkout.run("inventory", "--graph")
    assert (done.returncode, done.stdout) == (4, "")
    (line,) = done.stderr.splitlines()
    assert "communes/saint-exemple.yml: recovery: from LOCAL, 50 GB (some sizes are assumed) take" in line
    assert "(limit: disk of LOCAL) but 24 h are promised" in line
    _measured(checkout, "saint-exemple-local", '{"disk_read_mb_s": 180}')
    _measured(checkout, "remote", '{"disk_read_mb_s": 0.5}')
    assert "(limit: disk of REMOTE)" in checkout.run("inventory", "--graph").stderr
    _measured(checkout, "remote", '{"disk_read_mb_s": 180}')
    assert checkout.run("inventory", "--graph").stdout == GRAPH


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "{",
            "measured/remote.json: is not JSON; write it again with ansible-playbook ccpp",
        ),
        ("[]", "measured/remote.json: a list of 0 is no measurement (give a JSON object"),
        (
            '{"disk_read_mb_s": "fast"}',
            "measured/remote.json.disk_read_mb_s: 'fast' is not a number",
        ),
    ],
)
def test_a_measurement_that_is_none_is_one_line(checkout, content, said):
    _measured(checkout, "remote", content)
    done = checkout.run("inventory", "--graph")
    assert done.returncode == 4
    (line,) = done.stderr.splitlines()
    assert said in line


def test_a_cached_inventory_notices_a_new_measurement(checkout):
    settings = {
        "ANSIBLE_INVENTORY_CACHE": "1",
        "ANSIBLE_INVENTORY_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_INVENTORY_CACHE_CONNECTION": str(checkout.path / "cache"),
    }
    assert checkout.run("inventory", "--graph", **settings).returncode == 0
    _measured(checkout, "remote", '{"disk_read_mb_s": 0.5}')
    assert checkout.run("inventory", "--graph", **settings).returncode == 4
