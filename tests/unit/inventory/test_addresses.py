# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address plan: what is given stays, whoever comes and goes, and nobody gets what another has."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.commune import addresses
from ansible_collections.ccpp.backup.plugins.module_utils.commune.addresses import Allocation, Given, Pools

RANGES = {"loopbacks": "10.83.0.0/22", "tunnels_1": "10.83.4.0/22", "tunnels_2": "10.83.8.0/22"}
FILES = addresses.Files("ccpp.yml", "allocation.yml", {"aa": "communes/aa.yml", "bb": "communes/bb.yml"})
COMMUNE: dict[str, Any] = {"server": {"address": "192.0.2.1"}}


@pytest.fixture
def pools() -> Pools:
    return Pools.from_mapping(RANGES)


@pytest.fixture
def two(pools) -> Allocation:
    return addresses.allocate(Allocation(), pools, ["bb", "aa"])


def test_the_lowest_free_addresses_are_given_in_the_order_of_names(two):
    assert two.remote == "10.83.0.1"
    assert two.communes == {
        "aa": Given("10.83.0.2", ("10.83.4.0/31", "10.83.8.0/31")),
        "bb": Given("10.83.0.3", ("10.83.4.2/31", "10.83.8.2/31")),
    }


def test_whoever_comes_later_changes_nothing_for_the_others(two, pools):
    more = addresses.allocate(two, pools, ["aa", "a0", "bb"])
    assert {slug: more.communes[slug] for slug in ("aa", "bb")} == two.communes
    assert more.communes["a0"] == Given("10.83.0.4", ("10.83.4.4/31", "10.83.8.4/31"))


def test_a_commune_without_a_file_keeps_its_addresses(two, pools):
    assert addresses.allocate(two, pools, ["aa", "cc"]).communes["bb"] == two.communes["bb"]


def test_released_addresses_are_given_again(two, pools):
    left = addresses.release(two, "aa", ["bb"])
    assert addresses.allocate(left, pools, ["bb", "cc"]).communes["cc"] == two.communes["aa"]


def test_a_commune_that_has_a_file_cannot_be_released(two):
    with pytest.raises(InputError, match="'aa' is still among the communes"):
        addresses.release(two, "aa", ["aa"])
    with pytest.raises(InputError, match="'cc' has no addresses; known are aa, bb"):
        addresses.release(two, "cc", [])


def test_an_allocation_is_the_same_after_it_was_written_and_read(two):
    assert addresses.load(two.text().encode()) == two
    assert addresses.load(Allocation().text().encode()) == Allocation()


def test_no_loopback_reads_like_a_network_or_a_broadcast(pools):
    many = addresses.allocate(Allocation(), pools, [f"c{n}" for n in range(500)])
    loopbacks = {given.loopback for given in many.communes.values()}
    assert len(loopbacks) == 500
    assert not any(loopback.endswith((".0", ".255")) for loopback in loopbacks)


@pytest.mark.parametrize("pool", addresses.POOLS)
def test_an_exhausted_pool_is_named_with_its_range_and_gives_nothing_to_anyone(two, pool):
    small = {"loopbacks": "10.83.0.0/30", "tunnels_1": "10.83.4.0/30", "tunnels_2": "10.83.8.0/30"}
    pools = Pools.from_mapping({**RANGES, pool: small[pool]})
    with pytest.raises(InputError) as caught:
        addresses.allocate(two, pools, ["cc"])
    assert str(caught.value) == (
        f"pools.{pool}: {small[pool]} has nothing left for cc; widen it, or add a range (what is given stays)"
    )


def test_a_pool_of_several_ranges_goes_on_in_the_next(two):
    pools = Pools.from_mapping({**RANGES, "tunnels_1": ["10.83.4.0/30", "10.90.0.0/24"]})
    assert addresses.allocate(two, pools, ["cc"]).communes["cc"].tunnels == ("10.90.0.0/31", "10.83.8.4/31")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"loopbacks": "10.83.0.1/22"},
            "pools.loopbacks: '10.83.0.1/22' is not a range; write a range of IPv4",
        ),
        ({"loopbacks": "fd00::/64"}, "pools.loopbacks: 'fd00::/64' is not a range"),
        ({"loopbacks": 7}, "pools.loopbacks: 7 is not a range"),
        ({"loopbacks": "10.83.0.0/31"}, "pools.loopbacks: '10.83.0.0/31' is not a range"),
        ({"loopbacks": []}, "pools.loopbacks: an empty list holds no address"),
        ({"tunnels_2": None}, "pools.tunnels_2: missing; write a range such as 10.83.0.0/22"),
        (
            {"tunnels_2": ["10.83.12.0/24", "10.83.6.0/23"]},
            "pools.tunnels_2: 10.83.6.0/23 overlaps with 10.83.4.0/22 of tunnels_1; keep them apart",
        ),
        (
            {"tunnels_3": "10.0.0.0/24"},
            "pools: 'tunnels_3' is not a pool; use loopbacks, tunnels_1, tunnels_2",
        ),
    ],
)
def test_pools_that_cannot_be_are_refused(changed, said):
    with pytest.raises(InputError) as caught:
        Pools.from_mapping({**RANGES, **changed})
    assert str(caught.value).startswith(said)


def test_pools_that_are_no_mapping_are_refused():
    with pytest.raises(InputError, match="pools: a list of 0 is not a mapping; write loopbacks, tunnels_1"):
        Pools.from_mapping([])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty; restore it from version control"),
        ("# nothing\n\n", "the file is empty; restore it from version control"),
        ("- x\n", "does not hold an allocation (remote and communes); restore it from version control"),
        ("communes: {}\nx: 1\n", "does not hold an allocation"),
        (
            "remote: {loopback: 10.83.0.256}\n",
            "remote.loopback: '10.83.0.256' is not an IPv4 address; restore",
        ),
        ("remote: {loopback: 010.83.0.1}\n", "remote.loopback: '010.83.0.1' is not an IPv4 address"),
        ("communes: {A b: {}}\n", "communes: 'A b' is not a commune's short name; restore the line from"),
        ("communes: {aa: {loopback: 10.83.0.2}}\n", "communes.aa: must have loopback and tunnels; restore"),
        (
            "communes: {aa: {loopback: 10.83.0.2, tunnels: [10.83.4.0/31]}}\n",
            "communes.aa.tunnels: must be 2 networks; restore the line from version control",
        ),
        (
            "communes: {aa: {loopback: 10.83.0.2, tunnels: [10.83.4.0/31, 10.83.8.1/31]}}\n",
            "communes.aa.tunnels[1]: '10.83.8.1/31' is not a network of two addresses (/31); restore",
        ),
        (
            "communes: {aa: {loopback: 10.83.0.2, tunnels: [10.83.4.0/31, 10.83.8.0/30]}}\n",
            "communes.aa.tunnels[1]: '10.83.8.0/30' is not a network of two addresses (/31); restore",
        ),
        ("communes:\n  aa: {}\n  aa: {}\n", "line 3: 'aa' is written twice; keep one of them"),
    ],
)
def test_an_allocation_file_that_was_damaged_is_one_line(content, said):
    with pytest.raises(InputError) as caught:
        addresses.load(content.encode())
    assert str(caught.value).startswith(said)


def test_two_communes_with_one_address_are_refused(two, pools):
    clash = Allocation(
        two.remote, {**two.communes, "cc": Given("10.83.0.3", ("10.83.4.0/31", "10.83.8.4/31"))}
    )
    assert addresses.mistakes(clash, pools) == [
        "communes.cc.loopback: 10.83.0.3 is also communes.bb.loopback; "
        "take out the commune that came later and run `make allocate`",
        "communes.cc.tunnels[0]: 10.83.4.0/31 is also communes.aa.tunnels[0]; "
        "take out the commune that came later and run `make allocate`",
    ]


def test_the_inventory_refuses_what_has_no_address_and_says_what_to_do(two, pools):
    communes = {"aa": COMMUNE, "bb": COMMUNE}
    assert addresses.refusals(two, pools, communes, FILES) == []
    assert addresses.refusals(addresses.release(two, "aa", []), pools, communes, FILES) == [
        "communes/aa.yml: has no addresses in allocation.yml; run `make allocate` and commit allocation.yml"
    ]
    assert addresses.refusals(Allocation(None, two.communes), pools, communes, FILES) == [
        "allocation.yml: remote: has no loopback yet; run `make allocate` and commit allocation.yml"
    ]


def test_the_inventory_says_that_a_pool_is_exhausted_instead_of_sending_to_a_command_that_cannot_help(two):
    pools = Pools.from_mapping({**RANGES, "tunnels_1": "10.83.4.0/30"})
    (line,) = addresses.refusals(two, pools, {"cc": COMMUNE}, FILES)
    assert line.startswith("ccpp.yml: pools.tunnels_1: 10.83.4.0/30 has nothing left for cc; widen it")


def test_without_netaddr_the_cure_is_named(monkeypatch):
    monkeypatch.setattr(addresses, "netaddr", None)
    with pytest.raises(InputError, match="netaddr is missing on the controller"):
        Pools.from_mapping(RANGES)


_slugs = st.sampled_from([f"commune-{n}" for n in range(12)])
_acts = st.lists(st.tuples(st.sampled_from(["come", "go", "release"]), _slugs), max_size=40)


@given(acts=_acts)
def test_whoever_comes_goes_and_is_released_nobody_is_renumbered_and_nothing_is_given_twice(acts):
    pools = Pools.from_mapping(RANGES)
    allocation, present = Allocation(), set()
    for act, slug in acts:
        before = dict(allocation.communes)
        if act == "come":
            present.add(slug)
        elif act == "go":
            present.discard(slug)
        elif slug in before and slug not in present:
            allocation = addresses.release(allocation, slug, present)
            del before[slug]
        allocation = addresses.allocate(allocation, pools, present)
        assert before.items() <= allocation.communes.items()
        assert present <= allocation.communes.keys()
        assert addresses.mistakes(allocation, pools) == []
        assert addresses.load(allocation.text().encode()) == allocation
        networks = [ipaddress.ip_network(address) for _, _, address in allocation.addresses()]
        assert not any(one.overlaps(two) for n, one in enumerate(networks) for two in networks[:n])


def _said(content: bytes) -> str:
    """What is said about an allocation file with this content."""
    try:
        return "".join(addresses.mistakes(addresses.load(content), Pools.from_mapping(RANGES)))
    except InputError as error:
        return str(error)


@given(content=st.binary(max_size=100) | st.text(max_size=100).map(str.encode))
def test_whatever_bytes_an_allocation_file_holds_get_an_answer(content):
    assert _said(content).isprintable()


_json = st.recursive(
    st.none() | st.integers() | st.text(max_size=12) | st.sampled_from(["10.83.0.9", "10.83.4.0/31"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["loopback", "tunnels", "aa", "remote", "communes"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(communes=_json, remote=_json)
def test_whatever_an_allocation_file_says_gets_an_answer(communes, remote):
    content = yaml.safe_dump({"communes": communes, "remote": remote}, allow_unicode=True)
    assert _said(content.encode()).isprintable()


def test_a_town_hall_s_network_that_overlaps_with_a_pool_is_refused(two, pools):
    communes = {"aa": {"server": {"lan": "10.83.6.0/24"}}, "bb": {"server": {"lan": "192.168.1.0/24"}}}
    assert addresses.refusals(two, pools, communes, FILES) == [
        "communes/aa.yml: server.lan: 10.83.6.0/24 overlaps with the pool tunnels_1 10.83.4.0/22; "
        "choose other pools in ccpp.yml before anything is allocated, or another network"
    ]


def test_of_a_tunnel_s_two_addresses_the_lower_one_is_remote_s(two, pools):
    given = addresses.of_commune(two, "bb", {"server": {"lan": "192.168.1.0/24"}}, pools)
    assert given == {
        "loopback": "10.83.0.3",
        "remote_loopback": "10.83.0.1",
        "pools": ["10.83.0.0/22", "10.83.4.0/22", "10.83.8.0/22"],
        "lan": "192.168.1.0/24",
        "tunnels": [
            {"network": "10.83.4.2/31", "port": 51674, "remote": "10.83.4.2", "local": "10.83.4.3"},
            {"network": "10.83.8.2/31", "port": 51675, "remote": "10.83.8.2", "local": "10.83.8.3"},
        ],
    }


def test_an_address_out_of_the_pools_is_refused(two):
    pools = Pools.from_mapping({**RANGES, "tunnels_2": "10.84.0.0/22"})
    line = addresses.mistakes(two, pools)[0]
    assert line.startswith(
        "communes.aa.tunnels[1]: 10.83.8.0/31 is not in the pool tunnels_2 (10.84.0.0/22);"
    )
