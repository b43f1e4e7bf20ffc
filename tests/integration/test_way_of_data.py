# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the workstation to LOCAL, to REMOTE, and back, with what may go wrong on the way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from trees import below, differences
from world import World


def test_a_backup_restores_byte_for_byte_from_both_servers_and_the_workstation(
    world: World, tmp_path: Path
) -> None:
    data = world.data()
    os.chmod(data / "empty", 0o604)
    os.chmod(data / "dossier élus", 0o2770)
    if os.geteuid() == 0:
        os.chown(data / "empty", 1234, 4321)
    os.utime(data / "sparse", ns=(1_000_000_001, 1_234_567_890_123_456_789))
    world.back_up_and_receive()
    world.agent("remote", "replicate")
    for site in ("local", "remote", "workstation"):
        target = tmp_path / site
        world.agent(site, "restore", "--target", str(target))
        assert differences(data, below(target, data)) == []
    assert os.stat(below(tmp_path / "local", data) / "sparse").st_blocks < 100
    assert world.acts("local", "restored")
    assert world.acts("remote", "restored")


def test_one_file_restores_by_its_path_whatever_its_name(world: World, tmp_path: Path) -> None:
    strange = world.data() / "a [b] *?\\ c\n"
    strange.write_text("kept", encoding="utf-8")
    (world.data() / "a b").write_text("another", encoding="utf-8")
    world.back_up_and_receive()
    world.agent("local", "restore", "--path", str(strange), "--target", str(tmp_path / "t"))
    assert [p.name for p in below(tmp_path / "t", world.data()).iterdir()] == [strange.name]
    refused = world.agent("local", "restore", "--path", "/no/such", "--target", str(tmp_path / "u"), expect=2)
    assert "is not in snapshot" in refused.stderr


def test_restore_refuses_what_would_harm(world: World, tmp_path: Path) -> None:
    world.back_up_and_receive()
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").write_text("mine", encoding="utf-8")
    (tmp_path / "link").symlink_to(full)
    for target, word in ((file, "is a file"), (full, "not empty"), (tmp_path / "link", "symbolic link")):
        assert word in world.agent("local", "restore", "--target", str(target), expect=2).stderr
    assert "absolute" in world.agent("local", "restore", "--target", "here", expect=2).stderr
    world.agent("local", "restore", "--target", str(full), "--overwrite", "never")
    assert (full / "x").read_text(encoding="utf-8") == "mine"


def test_the_calendar_and_the_month_decide_what_a_run_does(world: World) -> None:
    world.opening = {"weekdays": ["mon", "tue"], "public_holidays": "none"}
    world.configure()

    def run(now: str, *more: str) -> str:
        answer = world.agent_json("workstation", "run", *more, now=now)["sources"][0]
        world.agent("local", "receive", now=now)
        return str(answer["action"])

    assert run("2026-03-01T09:00:00+01:00") == "none"  # a Sunday
    assert run("2026-03-02T09:00:00+01:00") == "full"
    assert run("2026-03-02T15:00:00+01:00") == "none"
    assert run("2026-03-03T09:00:00+01:00") == "incremental"
    assert run("2026-03-04T09:00:00+01:00") == "none"  # a Wednesday
    assert run("2026-03-04T09:00:00+01:00", "--today-anyway") == "incremental"
    assert run("2026-04-06T09:00:00+02:00") == "full"
    kinds = [entry["kind"] for entry in world.acts("local", "receipt")]
    assert kinds == ["full", "incremental", "incremental", "full"]


def test_a_source_that_cannot_be_read_makes_the_backup_partial(world: World) -> None:
    path = world.base / "workstation" / "etc" / "communes" / "saint-exemple.json"
    commune = json.loads(path.read_text(encoding="utf-8"))
    commune["sources"]["accueil"]["paths"].append("/no/such/folder")
    path.write_text(json.dumps(commune), encoding="utf-8")
    said = world.agent("workstation", "run", expect=3)
    assert "/no/such/folder" in said.stderr
    world.agent("local", "receive", expect=3)
    (receipt,) = world.acts("local", "receipt")
    assert receipt["outcome"] == "partial"
    assert "/no/such/folder" in receipt["why"]


def test_a_backup_without_a_report_is_partial_once_the_grace_is_over(world: World) -> None:
    world.agent("workstation", "run")
    for report in (world.base / "local" / "reports" / "accueil").iterdir():
        report.write_text('{"outcome": "ok"}', encoding="utf-8")
    waiting = world.agent_json("local", "receive")["sources"][0]
    assert len(waiting["waiting"]) == 1
    (snapshot,) = (world.repository("local") / "snapshots").iterdir()
    os.utime(snapshot, (snapshot.stat().st_mtime - 300,) * 2)
    world.agent("local", "receive", expect=3)
    (receipt,) = world.acts("local", "receipt")
    assert (receipt["outcome"], receipt["why"]) == ("partial", "no report from the workstation")


def test_a_report_that_comes_late_amends_the_outcome_on_both_servers(world: World) -> None:
    reports = world.base / "local" / "reports" / "accueil"
    reports.rename(reports.with_name("away"))
    done = world.agent_json("workstation", "run", "--today-anyway", expect=None)["sources"][0]
    assert done["reported"] is False
    reports.with_name("away").rename(reports)
    world.age_snapshots("local", 200)
    assert "partial" in world.agent("local", "receive", expect=3).stdout
    world.agent("remote", "replicate")
    assert world.acts("remote", "receipt")[0]["outcome"] == "partial"
    # The workstation's next run has nothing to back up, and delivers what it could not deliver.
    world.agent("workstation", "run")
    assert world.agent_json("local", "receive")["sources"][0]["amended"] == {done["snapshot"]: "ok"}
    assert world.acts("local", "receipt")[0]["outcome"] == "partial"
    assert list(reports.iterdir()) == []
    world.agent("remote", "replicate")
    (amended,) = world.acts("remote", "amended")
    assert (amended["snapshot"], amended["outcome"]) == (world.acts("remote", "receipt")[0]["snapshot"], "ok")
    for site in ("local", "remote"):
        decisions = world.agent_json(site, "retain", "--dry-run")["sources"][0]["decisions"]
        (reason,) = (reason for reason in decisions[0]["reasons"] if reason.startswith("the full of"))
        assert "partial" not in reason
    before = world.ledger("remote").read_bytes()
    world.agent("remote", "replicate")
    assert world.ledger("remote").read_bytes() == before


@pytest.mark.parametrize("what", ["password", "user", "host", "ca", "repository"])
def test_a_wrong_credential_is_one_line_and_writes_nothing(world: World, what: str) -> None:
    location = world.base / "secrets" / "accueil.client.location"
    address = location.read_text(encoding="ascii")
    if what == "password":
        world.password("accueil.workstation").write_text("wrong\n", encoding="ascii")
    elif what == "user":
        location.write_text(address.replace("http-accueil", "topsecret"), encoding="ascii")
    elif what == "host":
        location.write_text(address.replace("localhost", "no.such.host.invalid"), encoding="ascii")
    elif what == "repository":
        location.write_text(address.replace("/accueil/", "/accueil/other/"), encoding="ascii")
    else:
        command = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout /dev/null -out ca.pem"
        subprocess.run(["openssl", *command.split()], cwd=world.base / "tls", check=True, capture_output=True)
    said = world.agent("workstation", "run", expect=1)
    assert said.stderr.count("\n") == 1
    assert said.stderr.startswith("ccpp-backup: ")
    assert "topsecret" not in said.stderr
    assert "http-accueil" not in said.stderr
    assert list((world.repository("local") / "snapshots").iterdir()) == []


def test_receiving_and_replicating_twice_changes_nothing(world: World) -> None:
    world.back_up_and_receive()
    world.agent("remote", "replicate")
    before = {site: world.ledger(site).read_bytes() for site in ("local", "remote")}
    world.agent("local", "receive")
    world.agent("remote", "replicate")
    assert {site: world.ledger(site).read_bytes() for site in ("local", "remote")} == before


def test_a_copy_that_an_interrupted_run_did_not_record_is_recognised(world: World) -> None:
    world.back_up_and_receive()
    world.agent("remote", "replicate")
    lines = world.ledger("remote").read_bytes().splitlines(keepends=True)
    assert [json.loads(line)["act"] for line in lines[-2:]] == ["receipt", "replicated"]
    world.ledger("remote").write_bytes(b"".join(lines[:-2]))
    world.agent("remote", "replicate")
    assert len(list((world.repository("remote") / "snapshots").iterdir())) == 1
    assert len(world.acts("remote", "receipt")) == 1


def test_a_replication_killed_midway_resumes(world: World, tmp_path: Path) -> None:
    (world.data() / "big").write_bytes(os.urandom(40_000_000))
    first = world.back_up_and_receive()
    process = world.start("remote", "replicate")
    for _ in range(400):
        if any(world.repository("remote").glob("data/*/*")) or process.poll() is not None:
            break
        world.pause()
    process.kill()
    process.wait()
    world.wait_for_restic()
    world.agent("remote", "replicate")
    (receipt,) = world.acts("remote", "receipt")
    assert receipt["original"] == first
    world.agent("remote", "restore", "--target", str(tmp_path / "t"))
    assert differences(world.data(), below(tmp_path / "t", world.data())) == []
    assert len(list((world.repository("remote") / "snapshots").iterdir())) == 1


def test_a_damaged_pack_costs_only_the_snapshots_that_need_it(world: World) -> None:
    first = world.back_up_and_receive()
    before = set(world.repository("local").glob("data/*/*"))
    (world.data() / "new").write_bytes(os.urandom(300_000))
    second = world.back_up_and_receive()
    new = max(set(world.repository("local").glob("data/*/*")) - before, key=lambda path: path.stat().st_size)
    (world.data() / "new").unlink()
    third = world.back_up_and_receive()
    new.chmod(0o600)
    body = bytearray(new.read_bytes())
    body[1000] ^= 1
    new.write_bytes(bytes(body))
    said = world.agent("remote", "replicate", expect=3)
    assert second[:8] in said.stderr
    assert {entry["original"] for entry in world.acts("remote", "receipt")} == {first, third}
    checked = world.agent("local", "verify", expect=3)
    assert new.name in checked.stderr
    assert world.acts("local", "verified")[-1]["sound"] is False
    assert world.agent_json("local", "status", expect=3)["overall"] == "alarm"


def test_verify_names_every_flipped_bit(world: World) -> None:
    world.back_up_and_receive()
    damaged = []
    for kind in ("data", "index", "snapshots"):
        path = next(path for path in sorted((world.repository("local") / kind).rglob("*")) if path.is_file())
        path.chmod(0o600)
        body = bytearray(path.read_bytes())
        body[len(body) // 2] ^= 4
        path.write_bytes(bytes(body))
        damaged.append(path.name)
    found = world.agent_json("local", "verify", "--scrub-only", expect=3)["sources"][0]["damaged"]
    assert len(found) == 3
    assert all(any(name in line for line in found) for name in damaged)


def test_a_snapshot_that_vanished_is_told_at_once_and_once(world: World) -> None:
    snapshot = world.back_up_and_receive()
    (world.repository("local") / "snapshots" / snapshot).unlink()
    assert "gone from the repository" in world.agent("local", "receive", expect=3).stderr
    world.agent("local", "receive", expect=3)
    assert len(world.acts("local", "missing")) == 1
    assert world.agent_json("local", "status", expect=3)["overall"] == "alarm"


def test_a_rewritten_ledger_of_local_is_kept_aside_and_the_held_one_stays(world: World) -> None:
    world.back_up_and_receive()
    world.back_up_and_receive()
    world.agent("remote", "replicate")
    held = world.base / "remote" / "ledgers" / "accueil.local.jsonl"
    trusted = held.read_bytes()
    ledger = world.ledger("local")
    ledger.write_bytes(b"".join(ledger.read_bytes().splitlines(keepends=True)[:-1]))
    for _ in range(2):
        assert "truncated" in world.agent("remote", "replicate", expect=3).stderr
    assert held.read_bytes() == trusted
    assert len(world.acts("remote", "ledger-refused")) == 1
    evidence = list(held.parent.glob("*.evidence-*"))
    assert [path.read_bytes() for path in evidence] == [ledger.read_bytes()]
    assert world.agent_json("remote", "status", expect=3)["overall"] == "alarm"
    assert "does not continue" in world.agent("remote", "retain", expect=4).stderr
    # A person who knows why may accept it, by its hash; nothing else changes.
    refused = world.agent("remote", "replicate", "--accept-ledger", "0" * 64, expect=2).stderr
    digest = next(word for word in refused.split() if len(word) == 64)
    world.agent("remote", "replicate", "--accept-ledger", digest)
    assert held.read_bytes() == ledger.read_bytes()
    assert [path.read_bytes() for path in held.parent.glob("*.before-*")] == [trusted]
    assert len(world.snapshots("remote")) == 2
    world.agent("remote", "retain")


def test_a_restore_works_on_a_disk_that_takes_nothing_and_with_garbage_in_locks(
    world: World, tmp_path: Path
) -> None:
    world.back_up_and_receive()
    (world.repository("local") / "locks" / ("a" * 64)).write_bytes(b"garbage!")
    shutil.rmtree(world.base / "local" / "state")
    (world.base / "local" / "state").write_text("no folder can be made here", encoding="utf-8")
    world.agent("local", "restore", "--target", str(tmp_path / "t"))
    assert differences(world.data(), below(tmp_path / "t", world.data())) == []
