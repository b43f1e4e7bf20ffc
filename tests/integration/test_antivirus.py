# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real clamd finds what it must, and never does silence mean clean."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import antivirus as av
import pytest

NOON = "2026-11-{:02}T12:00:00+01:00"


@pytest.fixture
def guard(world: Any) -> Iterator[Any]:
    with av.guarded(world) as antivirus:
        yield antivirus


def write(world: Any, name: str, content: bytes) -> Path:
    path: Path = world.data() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def back_up(world: Any, day: int) -> str:
    snapshot: str = world.back_up_and_receive(now=NOON.format(day))
    return snapshot


def scan(world: Any, day: int, site: str = "local", expect: int = 0) -> list[dict[str, Any]]:
    done = world.agent_json(site, "scan", now=NOON.format(day), expect=expect)["sources"][0]
    return list(done["scanned"])


def findings(world: Any, snapshot: str, site: str = "local") -> dict[str, Any]:
    rows = world.agent_json(site, "scan", "--list")["sources"][0]["snapshots"]
    return next(dict(row) for row in rows if row["snapshot"] == snapshot)


def objects(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "locks" not in path.parts
    }


def status(world: Any, day: int, site: str = "local") -> dict[str, Any]:
    return dict(world.agent_json(site, "status", now=NOON.format(day), expect=None))


def test_it_finds_the_test_virus_plain_and_in_archives_and_counts_what_it_cannot_see(
    world: Any, guard: Any
) -> None:
    del guard
    data = world.data()
    write(world, "plain.com", av.eicar())
    write(world, "in.zip", av.in_zip(av.eicar()))
    write(world, "in.tar.gz", av.in_tar(av.eicar()))
    write(world, "in-zip-in-zip.zip", av.in_zip(av.in_zip(av.eicar()), "inner.zip"))
    write(world, "beside an encrypted one.zip", av.in_tar(av.in_zip(av.eicar())))
    write(world, "under a password.zip", av.in_zip_with_password(av.eicar(), b"secret"))
    deep = av.eicar()
    for _level in range(15):
        deep = av.in_zip(deep, "deeper.zip")
    write(world, "too deep.zip", deep)
    write(world, "bomb.zip", av.in_zip(bytes(2 * av.LARGEST), "zeros"))
    write(world, "too large", av.eicar() + os.urandom(av.LARGEST))
    write(world, "$HOME [x]*?\\ 'q'\t é", av.eicar())
    write(world, "  blanks at both ends  ", av.eicar())
    with open(os.fsencode(data) + b"/latin-\xe9-\xff", "wb") as file:
        file.write(av.eicar())
    (data / "kept from its owner").write_bytes(b"ordinary")
    os.chmod(data / "kept from its owner", 0)
    before = objects(world.repository("local"))
    snapshot = back_up(world, 2)
    stored = objects(world.repository("local"))
    [done] = scan(world, 2, expect=3)
    assert objects(world.repository("local")) == stored != before
    found = findings(world, snapshot)
    relative = {path.removeprefix(f"{data}/"): name for path, name in found["infected"].items()}
    assert set(relative) == {
        "plain.com",
        "in.zip",
        "in.tar.gz",
        "in-zip-in-zip.zip",
        "beside an encrypted one.zip",
        "$HOME [x]*?\\ 'q'\t é",
        "  blanks at both ends  ",
        "latin-\ufffd-\ufffd",
    }
    assert all(name.startswith("Eicar-Test") for name in relative.values())
    missed = {path.removeprefix(f"{data}/"): why for path, why in found["not_scanned"].items()}
    assert missed == {
        "under a password.zip": "encrypted",
        "too deep.zip": "limits",
        "bomb.zip": "limits",
        "too large": "too-large",
    }
    assert done["files"] == done["clean"] + done["infected"] + done["not_scanned"]
    regular = sum(1 for path in data.rglob("*") if path.is_file() and not path.is_symlink())
    assert (done["files"], done["infected"], done["not_scanned"]) == (regular, 8, 4)
    assert done["outcome"] == "infected"
    assert done["since"] is None
    [entry] = world.acts("local", "scanned")
    assert (entry["snapshot"], entry["infected"], entry["not_scanned"]) == (snapshot, 8, 4)
    assert {row["path"] for row in entry["infected_files"]} >= {f"{data}/plain.com"}


def test_only_what_changed_is_scanned_and_an_infection_stays_one_while_the_file_is_there(
    world: Any, guard: Any
) -> None:
    del guard
    back_up(world, 2)
    [whole] = scan(world, 2)
    assert whole["outcome"] == "clean"
    assert whole["files"] > 20
    target = world.data() / "dossier élus" / "note 3.txt"
    target.write_bytes(av.eicar())
    world.data().joinpath("new").write_bytes(b"new and harmless")
    second = back_up(world, 3)
    [changed] = scan(world, 3, expect=3)
    assert (changed["files"], changed["infected"], changed["clean"]) == (2, 1, 1)
    assert changed["since"] == whole["snapshot"]
    assert changed["held"] is True
    assert list(findings(world, second)["infected"]) == [str(target)]

    write(world, "later", b"harmless")
    third = back_up(world, 4)
    [carried] = scan(world, 4, expect=3)
    assert (carried["files"], carried["infected"], carried["outcome"]) == (1, 1, "infected")
    assert carried["held"] is False
    assert list(findings(world, third)["infected"]) == [str(target)]

    target.write_bytes(b"mended")
    back_up(world, 5)
    [mended] = scan(world, 5)
    assert (mended["files"], mended["infected"], mended["outcome"]) == (1, 0, "clean")
    assert scan(world, 5) == []


def test_a_detection_holds_its_source_and_status_says_so(world: Any, guard: Any, tmp_path: Path) -> None:
    del guard
    back_up(world, 2)
    scan(world, 2)
    path = write(world, "virus.com", av.eicar())
    snapshot = back_up(world, 3)
    waiting = status(world, 3)["sources"][0]["antivirus"]
    assert waiting["pending"] == 1
    said = world.agent("local", "scan", now=NOON.format(3), expect=3).stderr
    assert str(path) in said
    assert snapshot[:8] in said
    [held] = world.acts("local", "held")
    assert held["scope"] == "source:saint-exemple/accueil"
    assert "antivirus" in held["why"]
    prom = tmp_path / "ccpp.prom"
    document = world.agent_json("local", "status", "--metrics", str(prom), now=NOON.format(3), expect=3)
    [source] = document["sources"]
    assert source["level"] == "alarm"
    assert any(str(path) in reason for reason in source["reasons"])
    assert source["antivirus"]["infected_files"] == 1
    assert source["antivirus"]["pending"] == 0
    metrics = prom.read_text(encoding="utf-8")
    labels = '{commune="saint-exemple",source="accueil"}'
    assert f"ccpp_backup_infected_files{labels} 1.0" in metrics
    assert f"ccpp_backup_unscanned_snapshots{labels} 0.0" in metrics
    assert "ccpp_backup_antivirus_database_timestamp_seconds " in metrics


def test_a_hold_is_left_off_where_the_policy_says_alert(world: Any) -> None:
    with av.guarded(world, on_detection="alert"):
        write(world, "virus.com", av.eicar())
        back_up(world, 2)
        [done] = scan(world, 2, expect=3)
    assert done["held"] is False
    assert world.acts("local", "held") == []


def test_remote_scans_its_own_copies(world: Any, guard: Any) -> None:
    del guard
    write(world, "virus.com", av.eicar())
    back_up(world, 2)
    world.agent("remote", "replicate", now=NOON.format(2))
    [done] = scan(world, 2, "remote", expect=3)
    assert done["infected"] == 1
    assert len(world.acts("remote", "scanned")) == 1
    assert len(world.acts("remote", "held")) == 1
    assert world.acts("local", "scanned") == []


def test_a_month_is_scanned_whole_once_and_a_full_always(world: Any, guard: Any) -> None:
    del guard
    back_up(world, 2)
    [first] = scan(world, 2)
    back_up(world, 3)
    [second] = scan(world, 3)
    assert (second["files"], second["since"]) == (0, first["snapshot"])
    now = "2026-12-01T12:00:00+01:00"
    world.back_up_and_receive(now=now)
    [december] = world.agent_json("local", "scan", now=now)["sources"][0]["scanned"]
    assert december["since"] is None
    assert december["files"] == first["files"]


@pytest.mark.parametrize("broken", ["missing", "empty", "garbage", "foreign", "no clamd"])
def test_a_clamd_that_finds_nothing_never_means_clean(world: Any, guard: Any, broken: str) -> None:
    write(world, "virus.com", av.eicar())
    back_up(world, 2)
    guard.kill()
    if broken == "foreign":
        guard.write_foreign_databases()
    elif broken != "no clamd":
        for name in av.DATABASES:
            path = guard.databases / name
            path.unlink()
            if broken != "missing":
                path.write_bytes(b"" if broken == "empty" else b"garbage\n")
    if broken != "no clamd":
        guard.start()
        assert guard.runs == (broken == "foreign")
    done = world.agent("local", "scan", now=NOON.format(2), expect=1)
    assert len(done.stderr.splitlines()) == 1
    assert world.acts("local", "scanned") == []
    [source] = status(world, 2)["sources"]
    assert source["antivirus"]["problem"] is not None
    assert any("antivirus" in reason for reason in source["reasons"])
    target = world.base / "restored"
    arguments = ("restore", "--date", "2026-11-02", "--target", str(target))
    refused = world.agent("local", *arguments, now=NOON.format(2), expect=4)
    assert "--unscanned" in refused.stderr
    assert not target.exists()
    world.agent("local", *arguments, "--unscanned", now=NOON.format(2))
    assert (target / str(world.data() / "virus.com").lstrip("/")).read_bytes() == av.eicar()

    guard.kill()
    guard.write_databases()
    guard.start()
    [mended] = scan(world, 2, expect=3)
    assert mended["infected"] == 1


def test_a_database_that_goes_bad_under_a_running_clamd_is_noticed(world: Any, guard: Any) -> None:
    back_up(world, 2)
    guard.write_foreign_databases()
    subprocess.run(
        ["clamdscan", f"--config-file={guard.base / 'clamd.conf'}", "--reload"], check=True, timeout=60
    )
    for _attempt in range(100):
        done = world.agent("local", "scan", now=NOON.format(2), expect=None)
        if done.returncode == 1:
            break
        time.sleep(0.2)
    assert "does not find the test virus" in done.stderr


def many(world: Any, count: int = 24) -> int:
    """Files of half a megabyte, so that they take several portions; how many there are in all."""
    for number in range(count):
        write(world, f"many/{number:03}", os.urandom(500_000))
    write(world, "many/999-virus.com", av.eicar())
    return sum(1 for path in world.data().rglob("*") if path.is_file() and not path.is_symlink())


def progress_of(world: Any) -> dict[str, Any]:
    path = world.base / "local" / "state" / "scans" / "saint-exemple.accueil" / "progress.json"
    return dict(json.loads(path.read_bytes())) if path.exists() else {"done": 0}


def test_a_scan_that_was_killed_goes_on_where_it_was(world: Any) -> None:
    with av.guarded(world, room=1_000_000):
        total = many(world)
        snapshot = back_up(world, 2)
        process = world.start("local", "scan", "--now", NOON.format(2))
        while progress_of(world)["done"] < 4 and process.poll() is None:
            world.pause()
        process.kill()
        process.wait()
        world.wait_for_restic()
        done = progress_of(world)["done"]
        assert 4 <= done < total
        [finished] = scan(world, 2, expect=3)
        assert finished["snapshot"] == snapshot
        assert (finished["files"], finished["infected"]) == (total, 1)
        log = world.acts("local", "scanned")
        assert len(log) == 1
    assert list((world.base / "local" / "scratch").iterdir()) == []


def test_a_clamd_that_is_killed_in_the_middle_costs_no_verdict(world: Any) -> None:
    with av.guarded(world, room=1_000_000) as guard:
        total = many(world)
        back_up(world, 2)
        process = world.start("local", "scan", "--now", NOON.format(2))
        while progress_of(world)["done"] < 4 and process.poll() is None:
            world.pause()
        guard.kill()
        world.sleep(1)
        assert world.acts("local", "scanned") == []
        guard.start()
        code = process.wait(120)
        if code == 1:
            # It was between two portions, where a clamd that is gone ends the run at once.
            [_done] = scan(world, 2, expect=3)
        else:
            assert code == 3
    [entry] = world.acts("local", "scanned")
    assert (entry["files"], entry["infected"], entry["not_scanned"]) == (total, 1, 0)


def test_what_cannot_be_read_from_the_repository_is_not_clean(world: Any, guard: Any) -> None:
    del guard
    write(world, "damaged", os.urandom(300_000))
    snapshot = back_up(world, 2)
    packs = sorted((world.repository("local") / "data").rglob("*"), key=lambda p: p.stat().st_size)
    pack = next(path for path in reversed(packs) if path.is_file())
    os.chmod(pack, 0o600)
    with open(pack, "r+b") as file:
        file.seek(150_000)
        file.write(b"\0" * 64)
    [done] = scan(world, 2, expect=3)
    assert done["outcome"] == "incomplete"
    assert "unreadable" in findings(world, snapshot)["not_scanned"].values()
    assert done["files"] == done["clean"] + done["not_scanned"]


def test_a_restore_withholds_what_is_infected_and_names_it(world: Any, guard: Any) -> None:
    del guard
    virus = write(world, "dossier élus/virus.com", av.eicar())
    encrypted = write(world, "secret.zip", av.in_zip_with_password(b"budget", b"secret"))
    back_up(world, 2)
    target = world.base / "restored"
    arguments = ("restore", "--date", "2026-11-02", "--target", str(target))
    done = world.agent("local", *arguments, now=NOON.format(2), expect=3)
    assert str(virus) in done.stderr
    assert str(encrypted) in done.stderr
    inside = target / str(world.data()).lstrip("/")
    there = {str(p.relative_to(inside)) for p in inside.rglob("*")}
    wanted = {str(p.relative_to(world.data())) for p in world.data().rglob("*")}
    assert wanted - there == {"dossier élus/virus.com"}
    assert [path.name for path in target.iterdir()] == [str(world.data()).lstrip("/").split("/")[0]]
    for path in wanted & there:
        real, restored = world.data() / path, inside / path
        assert real.lstat().st_mtime_ns == restored.lstat().st_mtime_ns, path
        assert real.is_symlink() or not real.is_file() or real.read_bytes() == restored.read_bytes()
    [entry] = world.acts("local", "restored")
    assert (entry["infected"], entry["not_scanned"]) == (1, 1)

    told = world.agent(
        "local", *arguments, "--overwrite", "never", "--infected-too", now=NOON.format(2), expect=3
    )
    assert str(virus) in told.stderr
    assert (inside / "dossier élus" / "virus.com").read_bytes() == av.eicar()


@pytest.mark.parametrize(
    ("overwrite", "old_stays", "new_stays"),
    [
        ("never", True, True),
        ("if-newer", False, True),
        ("if-changed", False, False),
        ("always", False, False),
    ],
)
def test_a_restore_over_files_that_are_there_keeps_what_restic_means_by_it(
    world: Any, guard: Any, overwrite: str, old_stays: bool, new_stays: bool
) -> None:
    del guard
    older, newer = write(world, "older", b"from the backup"), write(world, "newer", b"from the backup")
    back_up(world, 2)
    target = world.base / "restored"
    for unguarded in (True, False):
        inside = target / str(world.data()).lstrip("/")
        inside.mkdir(parents=True, exist_ok=True)
        for path, seconds in ((older, -1000), (newer, 1000)):
            there = inside / path.name
            there.write_bytes(b"was there before")
            when = path.stat().st_mtime + seconds
            os.utime(there, (when, when))
        (inside / "of another").write_bytes(b"stays")
        arguments = ["restore", "--date", "2026-11-02", "--target", str(target), "--overwrite", overwrite]
        world.agent("local", *arguments, *(["--unscanned"] if unguarded else []), now=NOON.format(2))
        assert ((inside / "older").read_bytes() == b"was there before") is old_stays
        assert ((inside / "newer").read_bytes() == b"was there before") is new_stays
        assert (inside / "of another").read_bytes() == b"stays"
        if overwrite == "always":
            assert inside.stat().st_mtime_ns == world.data().stat().st_mtime_ns


def test_a_machine_without_an_antivirus_says_so(world: Any) -> None:
    done = world.agent("local", "scan", expect=2)
    assert "has no antivirus" in done.stderr
