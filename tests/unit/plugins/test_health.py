# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server is as well as it was before an update."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.health import worse

WELL: dict[str, Any] = {
    "failed": [],
    "active": ["nginx.service", "ssh.service"],
    "half_installed": [],
    "firewall": True,
    "clock": True,
    "repository": True,
    "status": "ok",
}


def test_what_is_as_before_is_not_worse() -> None:
    ill = WELL | {"failed": ["a.service"], "firewall": False, "clock": False, "status": "alarm"}
    assert worse(WELL, WELL) == []
    assert worse(ill, ill) == []
    assert worse(ill, WELL) == []


def test_a_server_without_a_repository_is_not_asked_for_one() -> None:
    remote = WELL | {"repository": None}
    assert worse(remote, remote) == []


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"failed": ["nginx.service"], "active": ["ssh.service"]}, "nginx.service has failed"),
        ({"active": ["ssh.service"]}, "nginx.service is not active any more"),
        ({"half_installed": ["restic is unpacked"]}, "dpkg: restic is unpacked"),
        ({"firewall": False}, "the firewall's table is gone"),
        ({"clock": False}, "the time is not synchronised any more"),
        ({"repository": False}, "the repository does not answer over HTTPS"),
        ({"status": "attention"}, "ccpp-backup status says attention, before it said ok"),
        ({"status": "unknown"}, "ccpp-backup status says unknown, before it said ok"),
    ],
)
def test_each_thing_that_is_worse_is_told_once(changed: dict[str, Any], sentence: str) -> None:
    assert worse(WELL, WELL | changed) == [sentence]


def test_a_status_that_nobody_knows_is_worse_than_an_alarm() -> None:
    assert worse(WELL | {"status": "alarm"}, WELL | {"status": "unknown"}) != []
    assert worse(WELL | {"status": "unknown"}, WELL | {"status": "alarm"}) == []
