# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs `page` and `report`, from a configuration and a ledger on disk to files that people open."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import cli, signing
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.page import monthly

from .conftest import NOON, Bench

NOW = "2026-03-03T12:00:00+01:00"


@pytest.fixture(autouse=True)
def configured(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCPP_BACKUP_CONFIG", str(bench.etc))
    service = {"name": "Sauvegardes", "phone": "01 99 00 00 00", "mail": "a@example.org", "hours": "9 h-17 h"}
    (bench.etc / "service.json").write_text(json.dumps(service))
    bench.snapshot(NOON)


def test_the_page_of_a_server_is_made_from_what_it_holds(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "pages"
    out.mkdir()
    assert cli.main(["page", "--output", str(out), "--prometheus", "none", "--now", NOW]) == 0
    page = (out / "site/communes/saint-exemple.html").read_text()
    assert "toutes n&#x27;ont pas encore été vérifiées" in page
    assert "lundi 2" in page


def test_a_ledger_that_is_gone_or_broken_is_shown_and_stops_no_page(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "pages"
    out.mkdir()
    ledger = Path(bench.place.ledger_file().path)
    for body in (b'{"broken": 1}\n', None):
        if body is None:
            ledger.unlink()
        else:
            ledger.write_bytes(body)
        assert cli.main(["page", "--output", str(out), "--prometheus", "none", "--now", NOW]) == 0
        assert "alarme" in (out / "site/index.html").read_text()


def test_a_report_is_written_signed_and_found_good(bench: Bench, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    signers = tmp_path / "signers"
    signers.write_text(signing.signer_line(signing.public_key(key.read_text()), [monthly.NAMESPACE]))
    asked = ["report", "--output", str(tmp_path), "--key", str(key), "--now", NOW]
    assert cli.main([*asked, "--month", "2026-03"]) == 0
    report = str(tmp_path / "saint-exemple-2026-03.html")
    ledger = f"accueil={bench.place.ledger_file().path}"
    assert cli.main(["verify-report", "--file", report, "--signers", str(signers), "--ledger", ledger]) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--month", "2026-13"], "--month: '2026-13' is not a month"),
        (["--month", "2026-04"], "has not begun yet"),
        (["--month", "2026-03", "--commune", "x"], "--commune: 'x' is not known here"),
        (["--month", "2026-03", "--output", "/absent"], "--output: /absent is no folder"),
        (["--month", "2026-03", "--key", "/absent"], "--key: /absent: No such file or directory"),
    ],
)
def test_what_makes_no_report_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    usual = ["report", "--output", str(tmp_path), "--key", str(tmp_path / "key"), "--now", NOW]
    assert cli.main([*usual, *options]) == 2
    assert said in capsys.readouterr().err


def test_a_month_that_is_not_over_counts_the_days_that_have_passed(bench: Bench) -> None:
    assert monthly.last_day(NOON.date().replace(day=1)) == NOON.date() + timedelta(days=29)
