# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the tunnels: a line's own table, what programs say, what a status makes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import metrics
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError, InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.links import (
    paths,
    reading,
    routing,
    settings,
    waiting,
)

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
SINCE = "2026-11-27T11:00:00Z"
WAN1 = settings.Line("wan1", 5101, None)
MAIN = [
    {
        "dst": "default",
        "gateway": "203.0.113.1",
        "dev": "wan1",
        "protocol": "dhcp",
        "metric": 100,
        "flags": [],
    },
    {"dst": "default", "gateway": "203.0.113.129", "dev": "wan2", "flags": []},
    {"dst": "203.0.113.0/25", "dev": "wan1", "scope": "link", "prefsrc": "203.0.113.10", "flags": []},
    {"dst": "10.83.0.1", "gateway": "10.83.4.0", "dev": "wg-1", "protocol": "bgp", "flags": []},
]
END = ["unreachable", "default", "metric", "4294967294", "table", "5101"]


def commands(present: list[dict[str, Any]], line: settings.Line = WAN1) -> list[list[str]]:
    return list(routing.changes(present, routing.wanted(MAIN, line, 4), line.table, 4))


def test_a_lines_table_has_its_own_routes_and_ends_dead() -> None:
    made = commands([])
    assert [
        "-4",
        "route",
        "replace",
        "203.0.113.0/25",
        "dev",
        "wan1",
        "src",
        "203.0.113.10",
        "table",
        "5101",
    ] in made
    assert [
        *("-4", "route", "replace", "default", "via", "203.0.113.1", "dev", "wan1", "metric", "100"),
        *("table", "5101"),
    ] in made
    assert ["-4", "route", "replace", *END] in made
    assert len(made) == 3
    # Networks come before what is reached through them.
    assert "via" in made[-1]


def test_nothing_of_another_line_or_of_a_tunnel_gets_into_it() -> None:
    assert all("wan2" not in one and "wg-1" not in one for one in commands([]))


def test_a_table_that_is_in_line_is_left_alone() -> None:
    assert commands(routing.wanted(MAIN, WAN1, 4)) == []


def test_a_router_that_changed_replaces_the_old_one_without_a_moment_without_any() -> None:
    present = routing.wanted(MAIN, WAN1, 4)
    present[0] = {**present[0], "gateway": "203.0.113.2"}
    made = commands(present)
    assert [one[2] for one in made] == ["replace"]
    assert "203.0.113.1" in made[0]


def test_what_the_main_table_no_longer_has_goes_from_the_lines_table() -> None:
    stray = {"dst": "198.51.100.0/24", "gateway": "203.0.113.9", "dev": "wan1"}
    made = commands([*routing.wanted(MAIN, WAN1, 4), stray])
    assert made == [
        ["-4", "route", "del", "198.51.100.0/24", "via", "203.0.113.9", "dev", "wan1", "table", "5101"]
    ]


def test_a_router_that_is_written_down_wins_while_the_line_has_an_address() -> None:
    line = replace(WAN1, gateway="203.0.113.99")
    defaults = [one for one in routing.wanted(MAIN, line, 4) if one["dst"] == "default"]
    assert [one.get("gateway") for one in defaults] == ["203.0.113.99", None]
    assert [one["dst"] for one in routing.wanted([], line, 4)] == ["default"]


def test_dead_routes_and_link_local_ones_are_not_copied() -> None:
    dead = {"dst": "default", "gateway": "203.0.113.1", "dev": "wan1", "flags": ["dead", "linkdown"]}
    local = {"dst": "fe80::/64", "dev": "wan1", "flags": []}
    assert len(routing.wanted([dead, local], WAN1, 6)) == 1


def test_ipv6_names_a_metric_of_its_own() -> None:
    route = {"dst": "default", "gateway": "fe80::1", "dev": "wan1", "metric": 1024, "flags": ["onlink"]}
    wanted = routing.wanted([route], WAN1, 6)
    assert wanted[0]["onlink"] is True
    assert list(routing.changes([route, wanted[1]], wanted, 5101, 6)) == []


def test_the_rule_that_leads_to_a_table_is_made_once() -> None:
    assert list(routing.rules([], WAN1, 6)) == [
        ["-6", "rule", "add", "fwmark", "5101", "lookup", "5101", "priority", "5101"]
    ]
    assert list(routing.rules([{"priority": 5101, "fwmark": "0x13ed", "table": "5101"}], WAN1, 6)) == []


def test_wireguard_frr_and_ping_are_understood() -> None:
    dump = "wg-1\tPRIVATE\tPUBLIC\t51000\t0x13ed\n" + "\t".join(
        ("wg-1", "KEY", "(none)", "[2001:db8::1]:51000", "10.0.0.1/32", "1700000000", "10", "20", "25")
    )
    peer = reading.peers(dump)["wg-1", "KEY"]
    assert (peer.address, peer.received, peer.sent) == ("2001:db8::1", 10, 20)
    assert reading.peers(dump.replace("[2001:db8::1]:51000", "(none)"))["wg-1", "KEY"].address is None
    said = '[{"peer":"10.83.4.0","status":"up","uptime":7},{"peer":"10.83.8.0","status":"down"}]'
    assert reading.bfd(said) == {"10.83.4.0": (True, 7.0), "10.83.8.0": (False, None)}
    with pytest.raises(BackupError, match="which paths are alive"):
        reading.bfd("% no such command")
    assert reading.ping(
        "10 packets transmitted, 9 received, 10% packet loss\nrtt min/avg/max/mdev = 1.0/2.5/9.0/1.0 ms"
    ) == (10.0, 2.5)
    assert reading.ping("") == (None, None)


def test_a_dead_tunnels_addresses_are_tried_in_turn() -> None:
    assert reading.next_endpoint("a", ["a", "b"]) == "b"
    assert reading.next_endpoint("b", ["a", "b"]) == "a"
    assert reading.next_endpoint("old", ["new"]) == "new"
    assert reading.next_endpoint("old", []) is None
    assert reading.with_port("2001:db8::1", 1) == "[2001:db8::1]:1"
    assert reading.with_port("192.0.2.1", 1) == "192.0.2.1:1"


def path(number: int = 1, alive: bool | None = True, since: str = SINCE, **seen: Any) -> paths.Path:
    facts = paths.Seen(**{"alive": alive, "carries": number == 1, "loss": 0.0, "delay": 2.0, **seen})
    kind = "fibre" if number == 1 else "4g"
    return paths.Path("aa", number, f"wg-{number}", kind, number > 1, paths.state_of(facts), since, facts)


def judged(*found: paths.Path, at: datetime = NOW, problems: tuple[str, ...] = ()) -> paths.Health:
    return paths.judge(json.loads(json.dumps(paths.document(found, at, problems))), True, NOW)


def test_two_living_paths_are_nothing_to_tell() -> None:
    found = judged(path(1), path(2))
    assert (found.level, found.reasons, len(found.paths)) == ("ok", [], 2)
    assert paths.sentence(found.paths[0]) == (
        f"aa: wg-1 over fibre is up since {SINCE}, carries the traffic, loses 0 %, 2.0 ms"
    )


def test_a_dead_spare_is_told_although_nobody_notices_it() -> None:
    found = judged(path(1), path(2, alive=False))
    assert found.level == "attention"
    assert found.reasons == [f"aa: the spare path (4g, wg-2) is down since {SINCE}"]


def test_no_living_path_is_an_alarm_and_so_is_nobody_looking() -> None:
    assert judged(path(1, alive=None), path(2, alive=False)).level == "alarm"
    assert judged(path(1), path(2), at=NOW - timedelta(minutes=6)).level == "alarm"
    assert paths.judge({}, True, NOW).level == "alarm"
    assert paths.judge({}, False, NOW).level == "ok"


def test_loss_problems_and_a_single_path_ask_for_attention() -> None:
    found = judged(path(1, loss=30.0), path(2, problem="no address for x"), problems=("FRR is silent",))
    assert found.level == "attention"
    assert sorted(found.reasons) == [
        "FRR is silent",
        "aa: the path over fibre (wg-1) loses 30 %",
        "aa: wg-2: no address for x",
    ]
    assert "one path alone" in judged(path(1)).reasons[0]


def test_a_path_is_in_its_state_since_it_came_into_it() -> None:
    before = path(1)
    assert paths.followed(before, path(1, since="2026-11-27T11:00:01Z")).since == SINCE
    # It went and came back between two looks.
    assert paths.followed(before, path(1, since="2026-11-27T11:30:00Z")).since == "2026-11-27T11:30:00Z"
    assert paths.followed(before, path(1, alive=False, since="2026-11-27T11:30:00Z")).state == "down"
    assert paths.followed(None, before) == before


def test_what_is_no_record_is_none(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    assert paths.read(state) == {}
    folder = Path(paths.folder_of(state))
    folder.mkdir()
    (folder / paths.NAME).write_text("[]")
    assert paths.read(state) == {}
    assert paths.paths_of({"paths": [{"commune": "aa"}]}) == []


def receipt(hours: float, added: float) -> Any:
    return SimpleNamespace(received_at=NOW - timedelta(hours=hours), added=added)


def test_large_copies_wait_for_a_line_that_is_not_paid_for_but_not_for_ever() -> None:
    rule = settings.Waiting(20 * 3600, 1e9)
    assert waiting.waits(receipt(1, 2e9), rule, True, NOW)
    assert not waiting.waits(receipt(1, 2e9), rule, False, NOW)
    assert not waiting.waits(receipt(1, 0.5e9), rule, True, NOW)
    assert not waiting.waits(receipt(21, 2e9), rule, True, NOW)
    assert not waiting.waits(receipt(1, 2e9), settings.Waiting(), True, NOW)


def test_only_a_paid_line_is_left_when_the_other_is_dead_by_a_fresh_look() -> None:
    spare_only = paths.document([path(1, alive=False), path(2)], NOW)
    assert paths.paid_only(spare_only, "aa", NOW)
    assert not paths.paid_only(spare_only, "bb", NOW)
    assert not paths.paid_only(spare_only, "aa", NOW + timedelta(minutes=6))
    assert not paths.paid_only({}, "aa", NOW)
    assert not paths.paid_only(paths.document([path(1), path(2)], NOW), "aa", NOW)
    assert not paths.paid_only(paths.document([path(1, alive=False), path(2, alive=False)], NOW), "aa", NOW)


def test_both_paths_are_metrics() -> None:
    status = {"at": "2026-11-27T12:00:00Z", "sources": [], "store": {"level": "ok"}}
    found = judged(path(1, received=5, sent=7), path(2, alive=False, loss=None, delay=None)).as_json()
    text = metrics.exposition(list(metrics.samples({**status, "links": found})))
    labels = '{commune="aa",path="1",kind="fibre",interface="wg-1"}'
    for line in (
        f"link_up{labels} 1.0",
        f"link_carries_traffic{labels} 1.0",
        f"link_received_bytes{labels} 5.0",
    ):
        assert f"ccpp_backup_{line}" in text
    assert 'ccpp_backup_link_up{commune="aa",path="2",kind="4g",interface="wg-2"} 0.0' in text
    assert f"ccpp_backup_link_delay_duration_seconds{labels} 0.002" in text
    assert 'link_loss_ratio{commune="aa",path="2"' not in text


TUNNEL = {
    "number": 1,
    "name": "wg-1",
    "kind": "fibre",
    "paid": False,
    "peer": "10.83.4.0",
    "peer_key": "K",
    "port": 51000,
    "mtu": 1420,
    "endpoints": ["198.51.100.20"],
}
COMMUNE = {"commune": "aa", "loopback": "10.83.0.1", "wait_hours": 20, "big_gb": 1.5, "tunnels": [TUNNEL]}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CCPP_BACKUP_CONFIG", str(tmp_path))
    (tmp_path / "links" / "communes").mkdir(parents=True)
    return tmp_path / "links"


def test_what_the_role_wrote_is_read(written: Path) -> None:
    assert settings.load() == settings.Links()
    (written / "lines.json").write_text('[{"interface": "wan1", "table": 5101, "gateway": null}]')
    (written / "communes" / "aa.json").write_text(json.dumps(COMMUNE))
    found = settings.load()
    assert found.lines == (WAN1,)
    assert found.waiting == {"aa": settings.Waiting(72000.0, 1.5e9)}
    assert found.tunnels[0].loopback == "10.83.0.1"
    assert found.tunnels[0].endpoints == ("198.51.100.20",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"commune": "bb"}, "commune: 'bb' is not the file's name"),
        ({"tunnels": 1}, "tunnels: expected a list"),
        ({"wait_hours": "x"}, "wait_hours: expected a number"),
        ({"tunnels": [{**TUNNEL, "paid": 1}]}, "expected true or false"),
        ({"tunnels": [{**TUNNEL, "speed": 1}]}, "speed: unknown field"),
    ],
)
def test_a_file_of_the_role_that_was_altered_is_refused(written: Path, change: Any, said: str) -> None:
    (written / "communes" / "aa.json").write_text(json.dumps({**COMMUNE, **change}))
    with pytest.raises(InputError, match=said):
        settings.load()
