# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keyless scrub on folders of plain files: what it finds, and how it is taken up again."""

from __future__ import annotations

import hashlib
import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import scrub
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.cli import main
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import ATTENTION, DONE
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.reading import Reading, begin, due
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.scrub import Scrub, Scrubbed

from .conftest import NOON, Bench

DAY = timedelta(days=1)


def pack(bench: Bench, body: bytes) -> Path:
    name = hashlib.sha256(body).hexdigest()
    folder = bench.repository / "data" / name[:2]
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(body)
    # As long ago as the clock of these tests.
    os.utime(folder / name, (NOON.timestamp() - 86400,) * 2)
    return folder / name


def packs(bench: Bench, count: int, seed: int = 1) -> list[Path]:
    chance = random.Random(seed)
    return [pack(bench, chance.randbytes(chance.choice((33, 5000, 200_000)))) for _unused in range(count)]


def everything(bench: Bench, reading: Reading | None = None, now: datetime = NOON) -> Scrubbed:
    reading = Reading() if reading is None else reading
    begin(reading, None, now, everything=True)
    return Scrub(str(bench.repository), reading, now, workers=3).run()


def test_every_damaged_object_is_named_and_every_sound_one_counted(bench: Bench) -> None:
    whole = packs(bench, 40)
    bench.put("index", b"index")
    (bench.repository / "index" / ("e" * 64)).write_bytes(b"other")
    flipped, cut, grown = whole[3], whole[17], whole[29]
    body = bytearray(flipped.read_bytes())
    body[len(body) // 2] ^= 1
    flipped.write_bytes(bytes(body))
    cut.write_bytes(cut.read_bytes()[:-1])
    grown.write_bytes(grown.read_bytes() + b"\0")
    (flipped.parent / "upload-tmp").write_bytes(b"")
    (bench.repository / "data" / "strange").mkdir()
    found = everything(bench)
    assert found.objects == 42
    assert found.size == found.total
    wrong = {line.split(":")[0] for line in found.damaged}
    assert wrong == {
        f"index/{'e' * 64}",
        *(str(one.relative_to(bench.repository)) for one in (flipped, cut, grown)),
    }
    strange = {f"data/{flipped.parent.name}/upload-tmp", "data/strange"}
    assert set(found.foreign) == strange


def test_what_is_no_file_is_damage_and_blocks_nothing(bench: Bench) -> None:
    name = "ab" + "0" * 62
    (bench.repository / "data" / "ab").mkdir()
    os.mkfifo(bench.repository / "data" / "ab" / name)
    (bench.repository / "keys" / ("c" * 64)).symlink_to("/etc/passwd")
    found = everything(bench)
    assert found.damaged == [f"data/ab/{name}: not a file", f"keys/{'c' * 64}: not a file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read_is_no_empty_folder(bench: Bench) -> None:
    (bench.repository / "data" / "00").mkdir(mode=0)
    with pytest.raises(PermissionError):
        everything(bench)


def test_damage_stays_known_until_it_is_mended_although_another_part_is_read(bench: Bench) -> None:
    bad = packs(bench, 60)[5]
    good = bad.read_bytes()
    reading = Reading()
    bad.write_bytes(b"x" * 100)
    assert len(everything(bench, reading).damaged) == 1
    for day in (1, 2):
        now = NOON + day * DAY
        reading.parts[bad.parent.name] = now - timedelta(hours=1)
        assert bad.parent.name not in due(reading, now)
        assert len(Scrub(str(bench.repository), reading, now).run().damaged) == 1
    bad.write_bytes(good)
    assert Scrub(str(bench.repository), reading, NOON + 3 * DAY).run().damaged == []
    bad.write_bytes(b"x")
    everything(bench, reading)
    bad.unlink()
    assert Scrub(str(bench.repository), reading, NOON + 4 * DAY).run().damaged == []
    assert reading.damaged == set()


def test_a_day_reads_its_portion_and_what_is_new(bench: Bench) -> None:
    packs(bench, 100)
    reading = Reading()
    everything(bench, reading)
    new = pack(bench, b"came at noon" * 10)
    os.utime(new, (NOON.timestamp() + 3600,) * 2)
    tomorrow = NOON + DAY
    reading.parts[new.parent.name] = NOON + timedelta(hours=1)
    parts = due(reading, tomorrow)
    assert new.parent.name not in parts
    held = sum(len(list((bench.repository / "data" / part).glob("*"))) for part in parts)
    found = Scrub(str(bench.repository), reading, tomorrow).run()
    assert found.objects == held + 1
    assert found.total > found.size


class Killed(Exception):  # noqa: N818 - stands for a power cut
    pass


def test_what_a_killed_run_had_read_is_not_read_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    packs(bench, 300)
    records = scrub.Records(bench.place.config, bench.place.source)
    monkeypatch.setattr(scrub, "SAVE_EVERY", 0.0)
    reading = records.read()
    begin(reading, None, NOON, everything=False)
    saved = 0

    def save(known: Reading) -> None:
        nonlocal saved
        records.write(known)
        saved += 1
        if saved == 50:
            raise Killed

    with pytest.raises(Killed):
        Scrub(str(bench.repository), reading, NOON, save, workers=2).run()
    again = records.read()
    assert len(again.parts) == 50
    assert again.began == NOON
    begin(again, None, NOON + DAY, everything=False)
    rest = Scrub(str(bench.repository), again, NOON + DAY, records.write).run()
    assert 0 < rest.objects < 300
    assert records.read().began is None
    # What the killed run read counts too, once.
    assert 300 <= records.read().objects <= 300 + 16


def test_notes_that_make_no_sense_have_everything_read_again(bench: Bench) -> None:
    records = scrub.Records(bench.place.config, bench.place.source)
    everything(bench, reading := Reading())
    records.write(reading)
    for rubbish in ("{", "[]", '{"parts": {}}', "[" * 100_000):
        Path(records.path).write_text(rubbish, encoding="ascii")
        assert records.read() == Reading()


def test_the_verb_reads_all_and_then_only_what_is_due(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CCPP_BACKUP_CONFIG", str(bench.etc))
    packs(bench, 80)
    bench.snapshot(NOON)
    monkeypatch.setenv("CCPP_BACKUP_NOW", NOON.isoformat())
    assert main(["verify", "--scrub-only", "--due"]) == DONE
    monkeypatch.setenv("CCPP_BACKUP_NOW", (NOON + DAY).isoformat())
    assert main(["verify", "--scrub-only", "--due"]) == DONE
    first, second = bench.acts("verified")
    assert first["size"] == first["total"] == second["total"]
    assert 0 < second["size"] < second["total"]
    assert second["read_since"] == NOON.astimezone(UTC).isoformat().replace("+00:00", "Z")
    bad = next((bench.repository / "data").glob("*/*"))
    bad.write_bytes(b"")
    assert main(["verify", "--scrub-only"]) == ATTENTION
    assert bad.name in capsys.readouterr().err
    assert bench.acts("verified")[-1]["damaged_count"] == 1
