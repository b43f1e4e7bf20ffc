# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Communes side by side: one whose pull takes for ever costs the others seconds, not their copies.

Real processes; in place of the command, a program that does what each commune's name says.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.cli import beside
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.cli.output import Output
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import (
    ATTENTION,
    DONE,
    FAILED,
    InputError,
)

PROGRAM = """
import json, os, pathlib, signal, sys, time
slug = sys.argv[sys.argv.index("--commune") + 1]
here = pathlib.Path(__file__).parent
with open(here / "turns", "a") as file:
    file.write(f"{slug} {time.time()}\\n")
if slug.startswith("slow"):
    while not (here / "stop").exists():
        time.sleep(0.05)
if slug.startswith("endless"):
    time.sleep(600)
if slug.startswith("killed"):
    os.kill(os.getpid(), signal.SIGKILL)
if slug.startswith("silent"):
    sys.exit(1)
print(json.dumps({"sources": [{"source": f"{slug}/accueil"}]}))
sys.exit(3 if slug.startswith("attention") else 0)
"""


class Fleet:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.said = ""

    def turns(self) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        path = self.folder / "turns"
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            slug, at = line.split()
            found.setdefault(slug, []).append(float(at))
        return found

    def stop(self) -> None:
        (self.folder / "stop").touch()

    def run(
        self, communes: Callable[[], Sequence[str]], longest: float = 60, again: float | None = None
    ) -> tuple[int, dict[str, Any]]:
        args = argparse.Namespace(verb="replicate", json=True)
        code = beside.each_commune(args, Output(), communes, beside.Limits(longest, again))
        captured = self._capsys.readouterr()
        self.said = captured.err
        return code, {one["source"]: one for one in json.loads(captured.out)["sources"]}


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fleet:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", [str(program), "replicate"])
    return Fleet(tmp_path, capsys)


def test_the_others_are_pulled_again_while_one_commune_is_still_at_work(fleet: Fleet) -> None:
    def communes() -> list[str]:
        if len(fleet.turns().get("honest", ())) >= 3:
            fleet.stop()
        return ["honest", "slow"]

    code, results = fleet.run(communes, again=0.3)
    turns = fleet.turns()
    assert len(turns["honest"]) >= 3
    assert len(turns["slow"]) == 1
    assert code == DONE
    assert set(results) == {"honest/accueil", "slow/accueil"}


def test_without_being_told_each_commune_has_one_turn(fleet: Fleet) -> None:
    fleet.stop()
    fleet.run(lambda: ["honest", "slow", "other"])
    assert {slug: len(times) for slug, times in fleet.turns().items()} == {
        "honest": 1,
        "slow": 1,
        "other": 1,
    }


def test_slow_communes_keep_the_places_of_the_young_for_a_moment_only(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "PLACES", 2)
    monkeypatch.setattr(beside, "YOUNG", 1.0)
    slow = [f"slow-{number}" for number in range(4)]

    def communes() -> list[str]:
        if "zz-honest" in fleet.turns():
            fleet.stop()
        return [*slow, "zz-honest"]

    fleet.run(communes, again=0.3)
    turns = fleet.turns()
    first = turns["slow-0"][0]
    # Two pairs of slow ones, each believed for a second.
    assert turns["slow-2"][0] - first >= 0.8
    assert turns["zz-honest"][0] - first >= 1.6
    assert all(len(turns[slug]) == 1 for slug in slow)


def test_a_commune_that_joins_meanwhile_has_its_turn(fleet: Fleet) -> None:
    asked = []

    def communes() -> list[str]:
        asked.append(time.time())
        if "joined" in fleet.turns():
            fleet.stop()
        return ["slow"] if len(asked) == 1 else ["joined", "slow"]

    _code, results = fleet.run(communes, again=0.3)
    assert set(results) == {"joined/accueil", "slow/accueil"}


def test_a_configuration_that_cannot_be_read_meanwhile_ends_no_pull(fleet: Fleet) -> None:
    asked = []

    def communes() -> list[str]:
        asked.append(time.time())
        if len(asked) == 1:
            return ["honest", "slow"]
        if len(fleet.turns()["honest"]) >= 2:
            fleet.stop()
        raise InputError("a comma is missing")

    code, results = fleet.run(communes, again=0.3)
    assert code == DONE
    assert len(fleet.turns()["honest"]) >= 2
    assert set(results) == {"honest/accueil", "slow/accueil"}


def test_one_that_is_at_work_for_too_long_is_ended_and_told(fleet: Fleet) -> None:
    code, results = fleet.run(lambda: ["endless", "honest"], longest=2)
    assert code == FAILED
    assert "endless: ended after 2 s" in fleet.said
    assert results["honest/accueil"] == {"source": "honest/accueil"}
    assert results["endless"]["error"] == "its process printed no result"


def test_one_that_cannot_be_started_ends_no_other(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    started = beside._started

    def short_of_processes(command: Sequence[str]) -> Any:
        if command[-1] == "unlucky":
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return started(command)

    monkeypatch.setattr(beside, "_started", short_of_processes)
    for communes in (["honest", "unlucky"], ["unlucky"]):
        code, results = fleet.run(communes.copy)
        assert code == FAILED
        assert "unlucky: its process cannot be started: Resource temporarily unavailable" in fleet.said
        assert results["unlucky"]["error"] == "its process printed no result"
    assert len(fleet.turns()["honest"]) == 1


@pytest.mark.parametrize(("slug", "code"), [("killed", FAILED), ("silent", FAILED), ("attention", ATTENTION)])
def test_the_exit_code_is_the_gravest_of_any_commune(fleet: Fleet, slug: str, code: int) -> None:
    assert fleet.run(lambda: ["honest", slug])[0] == code
