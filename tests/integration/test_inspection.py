# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ransomware does to a source is seen at the first backup, and held; what people do is not."""

from __future__ import annotations

import io
import json
import os
import random
import zipfile
from pathlib import Path

import pytest
from trees import below
from world import World

FILES = 600


def plain(world: World) -> None:
    """Texts instead of the world's noise."""
    for path in (world.data() / "dossier élus").iterdir():
        path.write_text("plain text " * 100, encoding="ascii")


def document(chance: random.Random) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", chance.randbytes(3000))
    return stream.getvalue()


def office(world: World) -> list[Path]:
    """A small town hall's files: half documents of an office suite, half texts."""
    chance = random.Random(1)
    folder = world.data() / "secrétariat"
    folder.mkdir()
    files = []
    for number in range(FILES):
        path = folder / f"dossier {number}.{'docx' if number % 2 else 'txt'}"
        text = " ".join(chance.choices(["mairie", "séance", "budget", "voirie"], k=300)).encode()
        path.write_bytes(document(chance) if number % 2 else text)
        files.append(path)
    (world.data() / ".ccpp-backup-canari.docx").write_bytes(document(chance))
    return files


def encrypt(path: Path, renamed: str = "") -> None:
    body = os.urandom(path.stat().st_size)
    path.write_bytes(body)
    if renamed:
        path.rename(path.with_name(path.name + renamed))


def backed_up(world: World) -> str:
    snapshot = world.back_up_and_receive()
    world.agent("remote", "replicate")
    return snapshot


def quiet_days(world: World, files: list[Path], count: int = 2) -> str:
    """Some ordinary work, looked at on both servers; returns the last snapshot."""
    for day in range(count):
        for path in files[day * 10 : day * 10 + 10]:
            path.write_bytes(path.read_bytes() + b"more")
        (files[0].parent / f"nouveau {day}.txt").write_text("ordinary text " * 100, encoding="utf-8")
        last = backed_up(world)
        for site in ("local", "remote"):
            (found,) = world.agent_json(site, "inspect")["sources"][0]["inspected"]
            assert (found["level"], found["reasons"]) == ("clean", [])
    return last


@pytest.mark.parametrize("renamed", ["", ".k7x"])
def test_five_in_a_hundred_encrypted_files_are_found_at_the_first_backup_on_both_servers(
    world: World, tmp_path: Path, renamed: str
) -> None:
    files = office(world)
    clean = quiet_days(world, files)
    for path in random.Random(2).sample(files, FILES * 5 // 100 + 1):
        encrypt(path, renamed)
    attack = backed_up(world)
    for site in ("local", "remote"):
        said = world.agent(site, "inspect", expect=3).stderr
        assert "ATTACKED" in said
        assert "became noise" in said
        assert "on hold" in said
        (held,) = world.acts(site, "held")
        assert "attacked" in held["why"]
        source = world.agent_json(site, "status", expect=3)["sources"][0]
        assert source["level"] == "alarm"
        assert source["attack"]["level"] == "attacked"
        assert source["held"]
    (entry,) = [one for one in world.acts("local", "inspected") if one["level"] == "attacked"]
    assert (entry["snapshot"], entry["last_clean"]) == (attack, clean)
    # The day after looks quiet, and is not clean all the same.
    files[300].write_bytes(b"one more line")
    after = backed_up(world)
    world.agent("local", "inspect", expect=None)
    assert world.agent_json("local", "status", expect=3)["sources"][0]["attack"]["last_clean"] == clean
    rows = {
        row["snapshot"]: row
        for row in world.agent_json("local", "inspect", "--list")["sources"][0]["snapshots"]
    }
    assert rows[after]["after_a_finding"]
    assert not rows[clean]["after_a_finding"]
    world.agent("local", "restore", "--snapshot", clean, "--target", str(tmp_path / "t"))
    restored = below(tmp_path / "t", files[0]).parent
    assert all((restored / path.name).exists() for path in files)


def test_a_changed_canary_a_ransom_note_and_known_names_are_found(world: World) -> None:
    files = office(world)
    quiet_days(world, files, 1)
    canary = world.data() / ".ccpp-backup-canari.docx"
    canary.write_bytes(os.urandom(4000))
    backed_up(world)
    assert "planted files" in world.agent("local", "inspect", expect=3).stderr
    (world.data() / "HOW_TO_DECRYPT_FILES.txt").write_text("pay", encoding="ascii")
    backed_up(world)
    said = world.agent("local", "inspect", expect=3).stderr
    assert "SUSPECT" in said
    assert "letter of ransomware" in said
    for path in files[:12]:
        path.rename(path.with_name(path.name + ".lockbit"))
    backed_up(world)
    assert "extension that ransomware appends" in world.agent("local", "inspect", expect=3).stderr


def test_what_people_do_raises_no_alarm(world: World) -> None:
    files = office(world)
    quiet_days(world, files, 1)
    archive = world.data() / "archives 2025"
    archive.mkdir()
    for path in files[:300]:
        path.rename(archive / path.name)
    backed_up(world)
    world.agent("local", "inspect")
    for path in files[300:]:
        path.write_bytes(document(random.Random(path.name)))
    backed_up(world)
    world.agent("local", "inspect")
    assert world.acts("local", "held") == []


def test_a_person_clears_a_false_alarm_and_the_hold_is_released_apart(world: World) -> None:
    files = office(world)
    quiet_days(world, files, 1)
    (world.data() / "readme_to_decrypt.txt").write_text("a novel", encoding="ascii")
    snapshot = backed_up(world)
    world.agent("local", "inspect", expect=3)
    named = ("--commune", "saint-exemple", "--source", "accueil")
    for bad in (
        ("--clear", "abc", *named, "--why", "x"),
        ("--clear", snapshot, "--why", "x"),
        ("--clear", snapshot, *named),
        ("--clear", "0" * 64, *named, "--why", "x"),
        ("--clear", snapshot, *named, "--why", "two\nlines"),
        ("--why", "x"),
    ):
        refused = world.agent("local", "inspect", *bad, expect=2)
        assert refused.stderr.count("\n") == 1
    assert world.acts("local", "cleared") == []
    world.agent("local", "inspect", "--clear", snapshot, *named, "--why", "a clerk's novel")
    source = world.agent_json("local", "status", expect=None)["sources"][0]
    assert (source["attack"]["level"], source["attack"]["last_clean"]) == ("clean", snapshot)
    assert len(source["held"]) == 1
    world.agent("local", "hold", "release", *named, "--why", "a clerk's novel")
    assert world.agent_json("local", "status", expect=None)["sources"][0]["held"] == []


def test_the_policy_may_be_to_alert_only_and_looking_twice_changes_nothing(world: World) -> None:
    path = world.base / "local" / "etc" / "agent.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "on_attack": "alert"}), encoding="utf-8")
    plain(world)
    (world.data() / "how to decrypt.txt").write_text("pay", encoding="ascii")
    world.back_up_and_receive()
    assert "SUSPECT" in world.agent("local", "inspect", expect=3).stderr
    assert world.acts("local", "held") == []
    before = world.ledger("local").read_bytes()
    world.agent("local", "inspect")
    assert world.ledger("local").read_bytes() == before
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "on_attack": "pray"}), encoding="utf-8")
    assert "on_attack" in world.agent("local", "inspect", expect=2).stderr


def test_what_cannot_be_read_stays_to_be_looked_at_and_stops_no_other(world: World) -> None:
    plain(world)
    world.back_up_and_receive()
    world.agent("local", "inspect")
    (world.data() / "a new folder").mkdir()
    (world.data() / "a new folder" / "file").write_bytes(os.urandom(1000))
    before = set(world.repository("local").glob("data/*/*"))
    lost = world.back_up_and_receive()
    for path in set(world.repository("local").glob("data/*/*")) - before:
        path.unlink()
    said = world.agent("local", "inspect", expect=3).stderr
    assert f"{lost[:8]}: not looked at" in said
    status = world.agent_json("local", "status", expect=None)["sources"][0]
    assert status["attack"]["waiting"] == 1
