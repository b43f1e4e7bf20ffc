# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus reads of a server's status."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.metrics import (
    HELP,
    Sample,
    exposition,
    samples,
    write,
)

SOURCE: dict[str, Any] = {
    "source": "saint-exemple/accueil",
    "level": "attention",
    "last_backup": {"day": "2026-11-23", "received_at": "2026-11-23T11:30:00Z"},
    "last_ok_day": "2026-11-23",
    "owed_day": "2026-11-24",
    "missed_days": ["2026-11-20"],
    "snapshots": 12,
    "pending_replication": 0,
    "verified_at": "2026-11-22T21:00:00Z",
    "verified_sound": True,
    "held": ["an exercise"],
    "quarantined": 0,
    "bytes": 10**12,
    "free_bytes": 10**11,
    "chain_intact": True,
    "oldest_pending_at": None,
    "pulled_at": "2026-11-24T02:45:00Z",
    "pull_fails_since": None,
    "drill": {"at": "2026-10-05T08:00:00Z", "seconds": 1234.5, "sound": True}
    | {"whole_seconds": 7200.0, "full_at": "2026-09-01T08:00:00Z"},
    "read_share": 0.25,
    "attack": {"level": "suspect", "waiting": 3},
    "read_since": "2026-10-30T21:00:00Z",
}
STATUS: dict[str, Any] = {
    "overall": "attention",
    "at": "2026-11-24T03:00:00Z",
    "sources": [SOURCE],
    "communes": [
        {
            "commune": "saint-exemple",
            "name": "Saint-Exemple-sur-Noye",
            "tier": 1,
            "contacts": {"phone": "01 99 00 00 01", "mail": "mairie@saint-exemple.example.org"},
            "term": {"start": "2024-01-01", "end": "2028-12-31", "server_end": "2029-06-30"},
        }
    ],
    "store": {
        "level": "ok",
        "places": [{"path": "/srv/backup/saint-exemple", "limit": 10**12, "used": 5}],
        "disks": [
            {"name": "a", "state": "ok", "errors": {}, "smart": {"state": "passed"}},
            {"name": "b", "state": "ok", "errors": {"read": 2, "csum": 1}, "smart": {"state": "failing"}},
            {"name": "c", "state": "missing"},
        ],
        "degraded": True,
        "scrub": {"at": "2026-11-01T04:00:00Z", "uncorrectable": 1},
    },
    "refused": {"deletion": 2, "write": 0, "login": 1},
    "full_on": {"/srv/backup/saint-exemple": "2027-06-01"},
}
SCANS = {
    "last_scanned": "2026-11-25T01:00:00Z",
    "pending": 4,
    "infected_files": 1,
    "infected_snapshots": 2,
    "not_scanned_files": 3,
}
ANTIVIRUS = {
    "level": "attention",
    "database_at": "2026-11-24T06:00:00Z",
    "checked_at": "2026-11-25T01:00:00Z",
}
LABELS = (("commune", "saint-exemple"), ("source", "accueil"))


def values(**changes: Any) -> dict[str, float]:
    found = samples({**STATUS, "sources": [{**SOURCE, **changes}]})
    return {one.name: one.value for one in found if one.labels == LABELS}


def test_each_fact_of_a_source_is_a_sample() -> None:
    assert values() == {
        "last_backup_timestamp_seconds": 1795433400.0,
        "last_complete_day_timestamp_seconds": 1795474799.0,
        "next_backup_deadline_timestamp_seconds": 1795561199.0,
        "missed_days": 1.0,
        "snapshots": 12.0,
        "pending_replication_snapshots": 0.0,
        "replication_lag_duration_seconds": 0.0,
        "last_pull_timestamp_seconds": 1795488300.0,
        "last_drill_timestamp_seconds": 1791187200.0,
        "last_drill_duration_seconds": 1234.5,
        "last_drill_sound": 1.0,
        "drill_whole_duration_seconds": 7200.0,
        "last_full_drill_timestamp_seconds": 1788249600.0,
        "verified_month_ratio": 0.25,
        "all_read_since_timestamp_seconds": 1793394000.0,
        "attack_level": 1.0,
        "uninspected_snapshots": 3.0,
        "ledger_chain_intact": 1.0,
        "last_verified_timestamp_seconds": 1795381200.0,
        "verified_sound": 1.0,
        "holds": 1.0,
        "quarantined_objects": 0.0,
        "store_size_bytes": 1e12,
        "store_free_bytes": 1e11,
    }


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("last_backup", "last_backup_timestamp_seconds"),
        ("last_ok_day", "last_complete_day_timestamp_seconds"),
        ("pulled_at", "last_pull_timestamp_seconds"),
        ("drill", "last_drill_sound"),
        ("read_share", "verified_month_ratio"),
        ("attack", "attack_level"),
        ("attack", "uninspected_snapshots"),
        ("read_since", "all_read_since_timestamp_seconds"),
        ("pending_replication", "replication_lag_duration_seconds"),
        ("owed_day", "next_backup_deadline_timestamp_seconds"),
        ("pending_replication", "pending_replication_snapshots"),
        ("verified_at", "last_verified_timestamp_seconds"),
        ("verified_sound", "verified_sound"),
    ],
)
def test_what_is_not_known_has_no_sample(field: str, name: str) -> None:
    assert name in values()
    assert name not in values(**{field: None})


def test_a_level_is_one_of_three_and_the_others_are_zero() -> None:
    found = {
        one.labels[2][1]: one.value for one in samples(STATUS) if one.labels[:2] == LABELS and one.labels[2:]
    }
    assert found == {"ok": 0.0, "attention": 1.0, "alarm": 0.0}
    with pytest.raises(ValueError, match="'fine' is none of ok, attention, alarm"):
        list(samples({**STATUS, "sources": [{**SOURCE, "level": "fine"}]}))


@pytest.mark.parametrize(
    ("day", "seconds"),
    [("2026-03-29", 1774821599.0), ("2026-10-25", 1792969199.0), ("2026-12-31", 1798757999.0)],
)
def test_a_day_ends_at_midnight_in_paris_also_when_the_clock_changes(day: str, seconds: float) -> None:
    assert values(owed_day=day)["next_backup_deadline_timestamp_seconds"] == seconds


def test_the_text_is_what_prometheus_reads() -> None:
    text = exposition(list(samples(STATUS)))
    assert text.endswith("\n")
    name, label = r"[a-zA-Z_:][a-zA-Z0-9_:]*", r'[a-z]+="(?:[^"\\\n]|\\[\\"n])*"'
    for line in text.splitlines():
        assert re.fullmatch(
            rf"# (HELP {name} .+|TYPE {name} (gauge|counter))|{name}({{{label}(,{label})*}})? [0-9.e+-]+",
            line,
        )
    assert text.count("# TYPE") == len(set(re.findall(r"# TYPE (\S+)", text)))
    assert (
        'ccpp_backup_place_used_bytes{commune="saint-exemple",path="/srv/backup/saint-exemple"} 5.0\n' in text
    )


def named(name: str, status: dict[str, Any] = STATUS) -> list[tuple[dict[str, str], float]]:
    return [(dict(one.labels), one.value) for one in samples(status) if one.name == name]


def test_every_metric_has_a_sample_where_all_is_known() -> None:
    source = {
        **SOURCE,
        "oldest_pending_at": "2026-11-24T01:00:00Z",
        "pull_fails_since": "2026-11-24T02:00:00Z",
        "antivirus": SCANS,
    }
    seen = {"carries": True, "loss": 0.0, "delay": 2.0, "received": 1, "sent": 2}
    path = {"commune": "a", "number": 1, "name": "wg-1", "kind": "fibre", "paid": False, "state": "up"}
    links = {"paths": [{**path, "since": "2026-11-24T01:00:00Z", "seen": seen}]}
    known = {**STATUS, "sources": [source], "links": links, "antivirus": ANTIVIRUS}
    assert {one.name for one in samples(known)} == set(HELP)


def test_what_the_antivirus_found_and_how_old_it_is_are_samples() -> None:
    found = values(antivirus=SCANS)
    assert (found["infected_files"], found["infected_snapshots"], found["not_scanned_files"]) == (1, 2, 3)
    assert (found["unscanned_snapshots"], found["last_scanned_timestamp_seconds"]) == (4, 1795568400)
    server = samples({**STATUS, "antivirus": {**ANTIVIRUS, "checked_at": None}})
    names = {one.name: one.value for one in server if one.name.startswith("antivirus")}
    assert names == {"antivirus_database_timestamp_seconds": 1795500000.0}


def test_the_copy_lags_as_long_as_the_oldest_snapshot_waits_for_it() -> None:
    assert (
        values(pending_replication=2, oldest_pending_at="2026-11-24T01:00:00Z")[
            "replication_lag_duration_seconds"
        ]
        == 2 * 3600
    )


def test_a_disk_is_healthy_while_it_is_there_answers_and_announces_no_end() -> None:
    assert named("disk_healthy") == [({"disk": "a"}, 1.0), ({"disk": "b"}, 0.0), ({"disk": "c"}, 0.0)]
    assert named("disk_errors")[1] == ({"disk": "b"}, 3.0)
    assert named("mirror_intact") == [({}, 0.0)]
    whole = {**STATUS, "store": {**STATUS["store"], "degraded": False}}
    assert named("mirror_intact", whole) == [({}, 1.0)]
    assert named("mirror_intact", {**STATUS, "store": {"level": "ok"}}) == []


def test_a_place_belongs_to_the_commune_whose_folder_it_is_and_at_local_to_the_only_one() -> None:
    places = [
        {"path": path, "limit": 2, "used": 1} for path in ("/srv/backup/bourg/x", "/srv/backup/neither")
    ]
    two = [{"commune": slug, "name": slug} for slug in ("bourg", "saint-exemple")]
    status = {**STATUS, "store": {"level": "ok", "places": places}}
    found = named("place_used_bytes", {**status, "communes": two})
    assert [labels["commune"] for labels, _value in found] == ["bourg", ""]
    assert {labels["commune"] for labels, _value in named("place_used_bytes", status)} == {"saint-exemple"}


def test_what_was_refused_is_a_counter_and_unknown_where_the_journal_cannot_be_read() -> None:
    text = exposition(list(samples(STATUS)))
    assert "# TYPE ccpp_backup_refused_requests_total counter\n" in text
    assert 'ccpp_backup_refused_requests_total{kind="deletion"} 2.0\n' in text
    assert named("refused_requests_total", {**STATUS, "refused": None}) == []


def test_the_term_ends_with_its_last_day_and_a_commune_without_one_has_no_sample() -> None:
    assert named("contract_end_timestamp_seconds") == [({"commune": "saint-exemple"}, 1861916399.0)]
    assert named("server_life_end_timestamp_seconds")[0][1] > 1861916399.0
    assert named("contract_end_timestamp_seconds", {**STATUS, "communes": []}) == []


def test_a_label_cannot_break_out_of_its_quotes() -> None:
    hostile = Sample("holds", 1.0, (("source", 'é"} 9\nx\\'),))
    assert exposition([hostile]).splitlines()[2] == r'ccpp_backup_holds{source="é\"} 9\nx\\"} 1.0'


def test_what_is_no_status_is_refused() -> None:
    with pytest.raises(KeyError):
        list(samples({"at": "2026-11-24T03:00:00Z"}))


def test_the_file_is_replaced_whole_and_node_exporter_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "ccpp-backup.prom"
    path.write_text("old")
    write(str(path), STATUS)
    assert path.read_text() == exposition(list(samples(STATUS)))
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "said"), [("x.txt", "does not end in .prom"), ("no/x.prom", "No such file")]
)
def test_a_file_that_would_not_be_read_or_cannot_be_written_is_refused(
    tmp_path: Path, name: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        write(str(tmp_path / name), STATUS)
    assert list(tmp_path.iterdir()) == []
