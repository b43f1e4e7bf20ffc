# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who waits for whom, for how long, and what it is called when the wait was in vain."""

from __future__ import annotations

import argparse
import json
import threading
import time
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import locking
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.cli import main
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.cli.sources import patience
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BAD_INPUT, DONE, FAILED

from .conftest import Bench

VERBS = ("run", "receive", "retain", "replicate", "verify")


@pytest.fixture
def busy(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The bench, while another command removes something of its source."""
    monkeypatch.setenv("CCPP_BACKUP_CONFIG", str(bench.etc))
    bench.snapshot(bench.place.clock.now())
    with locking.of_prune(bench.place.config, bench.place.source):
        yield bench


@pytest.mark.parametrize("waiting", [["--source", "accueil", "--wait", "0"], ["--wait", "0.3"]])
def test_a_source_that_stays_busy_is_a_failure_for_whoever_asked_for_it(
    busy: Bench, capsys: pytest.CaptureFixture[str], waiting: list[str]
) -> None:
    del busy
    assert main(["verify", "--scrub-only", "--json", *waiting]) == FAILED
    said = capsys.readouterr()
    assert "another ccpp-backup is at work on it" in said.err
    assert "busy" in json.loads(said.out)["sources"][0]


def test_a_timer_leaves_a_busy_source_to_its_next_run(
    busy: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del busy
    monkeypatch.setattr(
        "ansible_collections.ccpp.backup.plugins.module_utils.backup_core.cli.verify.PATIENCE", 0
    )
    assert main(["verify", "--scrub-only"]) == DONE
    assert "another ccpp-backup is at work on it" in capsys.readouterr().err


def test_the_wait_ends_when_the_other_does(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCPP_BACKUP_CONFIG", str(bench.etc))
    bench.snapshot(bench.place.clock.now())
    lock = locking.of_prune(bench.place.config, bench.place.source)
    lock.__enter__()
    threading.Timer(0.5, lambda: lock.__exit__(None, None, None)).start()
    assert main(["verify", "--scrub-only", "--source", "accueil"]) == DONE
    assert bench.acts("verified")


@pytest.mark.parametrize(
    ("source", "wait", "seconds"),
    [(None, None, 30.0), ("accueil", None, 3600.0), (None, 5.0, 5.0), ("accueil", 0.0, 0.0)],
)
def test_a_named_source_is_waited_for_patiently(
    source: str | None, wait: float | None, seconds: float
) -> None:
    assert patience(argparse.Namespace(source=source, wait=wait), 30.0) == seconds


@pytest.mark.parametrize("bad", ["-1", "nan", "1e12", "soon", ""])
@pytest.mark.parametrize("verb", VERBS)
def test_a_wait_that_is_no_time_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], verb: str, bad: str
) -> None:
    assert main([verb, f"--wait={bad}"]) == BAD_INPUT
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "is not a number of seconds from 0 to 2592000" in said


def test_turns_are_few_and_who_waited_long_enough_goes_without(bench: Bench) -> None:
    config = bench.place.config
    with locking.turn(config, "copy", 2) as first, locking.turn(config, "copy", 2) as second:
        assert first
        assert second
        began = time.monotonic()
        with locking.turn(config, "copy", 2, patience=0.5) as third:
            assert not third
        assert 0.4 < time.monotonic() - began < 5
        with locking.turn(config, "verify", 2, patience=0) as other_work:
            assert other_work
    with locking.turn(config, "copy", 2, patience=0) as again:
        assert again
