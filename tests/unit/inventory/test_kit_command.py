# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp.backup.kit`: a PDF for its owner alone, once per recipient and content, and no secret elsewhere."""

from __future__ import annotations

import json
import pathlib
import shutil
import stat

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.ccpp.backup.plugins.module_utils.commune import secrets

ROOT = pathlib.Path(__file__).parents[3]
VAULT = VaultLib([("default", VaultSecret(b"correct horse"))])
PLAIN = secrets.Hasher(lambda password: "hash", lambda password, known: known == "hash")


class Secrets:
    """The commune's vault file."""

    def __init__(self, file: pathlib.Path) -> None:
        self._file = file
        self.values, _asked = secrets.for_commune({}, ["accueil"], PLAIN)
        file.parent.mkdir(mode=0o700)
        self.save()

    def save(self) -> None:
        self._file.write_bytes(VAULT.encrypt(yaml.safe_dump(self.values)))


@pytest.fixture
def run(checkout):
    shutil.copytree(ROOT / "inventory/group_vars", checkout.path / "group_vars")
    (checkout.path / "password").write_text("correct horse\n")

    def play(*arguments, password="password", **variables):
        given = {"commune": "saint-exemple", "kit_directory": str(checkout.path / "kits"), **variables}
        vault = ["--vault-password-file", password] if password else []
        return checkout.run("playbook", "ccpp.backup.kit", *vault, "-e", json.dumps(given), *arguments)

    return play


@pytest.fixture
def onboarded(checkout):
    return Secrets(checkout.path / "secrets/saint-exemple.yml")


def _changed(done) -> int:
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout.rpartition("changed=")[2].split()[0])


def _kits(checkout) -> list[str]:
    return sorted(path.name for path in (checkout.path / "kits").glob("*.pdf"))


def test_it_is_written_once_for_its_owner_alone_and_shows_no_secret(checkout, run, onboarded):
    first = run("-vvvv", "--diff")
    assert _changed(first) == 1
    (kit,) = (checkout.path / "kits").glob("*.pdf")
    assert kit.read_bytes().startswith(b"%PDF-")
    assert stat.S_IMODE(kit.stat().st_mode) == 0o600
    assert stat.S_IMODE(kit.parent.stat().st_mode) == 0o700
    assert (kit.parent / ".gitignore").read_text() == "*\n"

    record = _record(checkout)
    said = first.stdout + first.stderr + record
    kept = [*onboarded.values["sources"]["accueil"].values(), *onboarded.values["replica"].values()]
    assert not any(secret in said or secret[:8] in said for secret in kept if secret != "hash")
    (made,) = yaml.safe_load(record)
    assert made["for"] == "Saint-Exemple-sur-Noye"
    assert made["fingerprint"] in first.stdout

    kit.unlink()
    assert _changed(run()) == 0
    assert _kits(checkout) == []


def test_check_mode_predicts_and_writes_nothing(checkout, run, onboarded):
    del onboarded
    predicted = run("--check", "--diff")
    assert _changed(predicted) == 1
    assert "+- {fingerprint: " in predicted.stdout
    assert not (checkout.path / "kits").exists()
    assert not (checkout.path / "secrets/saint-exemple.kits.yml").exists()


def test_check_mode_works_before_there_are_any_secrets(checkout, run):
    assert _changed(run("--check", password=None)) == 1
    assert not (checkout.path / "secrets").exists()


def test_another_kit_is_made_for_another_recipient_or_content_or_when_asked_for(checkout, run, onboarded):
    assert _changed(run()) == 1
    other = {"kit_for": "Mairie, « coffre »"}
    assert _changed(run(**other)) == 1
    assert _changed(run(kit_again=True)) == 1
    onboarded.values["sources"]["accueil"]["remote_password"] = "chosen by a person"
    # What a source that left has of backups is still to be read.
    onboarded.values["sources"]["compta"] = dict(onboarded.values["sources"]["accueil"])
    onboarded.save()
    assert _changed(run()) == 1
    assert _changed(run(service_phone="01 99 00 00 09")) == 1
    assert _kits(checkout) == [f"saint-exemple-{number}.pdf" for number in range(1, 6)]
    prints = [made["fingerprint"] for made in yaml.safe_load(_record(checkout))]
    assert prints[0] == prints[1] == prints[2]
    assert len(set(prints)) == 3


def _record(checkout) -> str:
    return (checkout.path / "secrets/saint-exemple.kits.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"commune": "inconnue"},
            "kit: -e commune=inconnue: there is no such commune; use one of: saint-exempl",
        ),
        ({"kit_for": "x" * 81}, "recovery_kit: for: 'xxxxxxxxxx"),
        ({"service_support_days": ["monday"]}, "recovery_kit: service.days: 'monday' is not a weekday (use"),
        ({"password": None}, "secrets/saint-exemple.yml: no vault password in this run; give one with"),
        ({"kit_directory": "/proc/none"}, "recovery_kit: /proc/none: No such file or directory"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(checkout, run, onboarded, variables, said):
    del onboarded
    done = run(**variables)
    assert done.returncode == 2
    flat = " ".join((done.stdout + done.stderr).split())
    assert said in flat
    assert "Traceback" not in flat
    assert not (checkout.path / "kits").exists()
    assert not (checkout.path / "secrets/saint-exemple.kits.yml").exists()


def test_without_secrets_it_says_to_onboard_first(run):
    done = run()
    assert done.returncode == 2
    assert "has its passwords yet; onboard the commune first" in " ".join(done.stdout.split())
