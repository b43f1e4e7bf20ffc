# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A commune leaves whose LOCAL server is gone for good: REMOTE hands back, the certificate claims no more.

After everything else: the commune has no other server any more.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ccpp_testbed import topology, trees
from ccpp_testbed.steps import Controller
from departing import Leaving, leaving, today

SLUG, SOURCE, FOLDER = "bourg-exemple", "mairie", "/srv/dossiers"
DISK = "/var/tmp/disque-du-ccpp"
WHY = "incendie du 3 mars 2026"


@pytest.fixture(scope="module")
def admin(controller: Controller) -> Leaving:
    controller.run("remote", f"rm -rf {DISK}; mkdir -p {DISK}")
    return leaving(controller, SLUG)


@pytest.fixture(scope="module")
def bereft(admin: Leaving) -> Leaving:
    """Where the LOCAL server was, nothing answers any more."""
    nobody = topology.load(admin.name).machines["local"].addresses["admin"][0].rpartition(".")[0] + ".250"
    overlay = admin.state / "lost.yml"
    hosts = {f"{SLUG}-local": {"ansible_host": nobody}}
    overlay.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    return replace(admin, overlays=(overlay,))


def test_a_server_that_answers_is_not_lost(admin: Leaving) -> None:
    said = admin.refused(handback_to=DISK, local_lost=WHY)
    assert f"offboard: {SLUG}: local_lost: {SLUG}-local answers, so it is not lost" in said
    assert admin.run("remote", f"ls {DISK}") == ""


def test_without_a_word_of_the_loss_nothing_is_handed_back(bereft: Leaving) -> None:
    said = bereft.refused(handback_to=DISK)
    assert "UNREACHABLE" in bereft.log("ccpp.backup.offboard") or "unreachable" in said
    assert not (bereft.departure / "departure.json").exists()


def test_remote_hands_back_what_it_has(bereft: Leaving) -> None:
    expected = trees.manifests(bereft, "workstation2", (FOLDER,))
    bereft.offboard(handback_to=DISK, handback_by="Dominique Exemple", local_lost=WHY)
    (part,) = (one for one in bereft.record()["handback"]["parts"] if one["source"] == SOURCE)
    returned = f"{DISK}/restitution-{SLUG}"
    bereft.run("remote", f"cd {returned} && sha256sum --check --quiet --strict SHA256SUMS")
    found = trees.manifests(bereft, "remote", (FOLDER,), f"{returned}/{part['folder']}")
    assert trees.differences(expected, found) == []


def test_remote_is_erased_and_the_certificate_claims_nothing_for_the_lost_server(bereft: Leaving) -> None:
    bereft.offboard(agreed_on=str(today()), erased_by="Camille Exemple", local_lost=WHY)
    assert bereft.state_written() == "left"
    places = "/srv/backup /etc/ccpp-backup /var/lib/ccpp-backup /var/cache/ccpp-backup"
    found = bereft.run("remote", f"find {places} -name '*{SLUG}*'")
    assert sorted(found.split()) == [
        f"/var/lib/ccpp-backup/departures/{SLUG}.json",
        f"/var/lib/ccpp-backup/departures/{SLUG}.jsonl.gz",
    ]
    assert list(bereft.record()["erased"]) == ["remote"]
    text = " ".join(bereft.printed().split())
    assert f"perdu, non effacé Raison : {WHY}." in text
    assert "/dev/disk/by-id/testbed-2" in text
    assert "écrasé en entier" not in text
    assert bereft.offboard().changed == 0
