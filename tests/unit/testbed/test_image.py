# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image that cannot be built is told in one line after one retry, and nothing of it stays.

mmdebstrap and podman are faked: a test cannot take the Debian mirror away from the machine it runs on.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "testbed"))

from ccpp_testbed import image
from ccpp_testbed.host import TestbedError


class Host:
    """Answers as a machine whose mirror fails the first times; notes what was asked of it."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.bootstraps = 0
        self.imported: list[str] = []

    def run(self, command: list[str], **_given: object) -> subprocess.CompletedProcess[str]:
        if "mmdebstrap" not in command:
            real = command if command[0] == "rm" else ["true"]
            return subprocess.run(real, capture_output=True, text=True, check=True)
        self.bootstraps += 1
        Path(command[-1]).write_text("half a system")
        code = int(self.bootstraps <= self.failures)
        return subprocess.CompletedProcess(command, code, "", "noise\nE: no route to the mirror\n")

    def podman(self, *arguments: str, **_given: object) -> subprocess.CompletedProcess[str]:
        if arguments[0] == "import":
            self.imported.append(arguments[-1])
        return subprocess.CompletedProcess(arguments, int(arguments[:2] == ("image", "exists")), "", "")


@pytest.fixture
def host(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(request.param)
    monkeypatch.setattr(image, "STATE", tmp_path)
    monkeypatch.setattr(image, "run", host.run)
    monkeypatch.setattr(image, "podman", host.podman)
    monkeypatch.setattr(image, "as_root", list)
    return host


@pytest.mark.parametrize("host", [9], indirect=True)
def test_a_mirror_that_fails_twice_is_told_and_leaves_nothing(host: Host, tmp_path: Path) -> None:
    with pytest.raises(TestbedError) as failed:
        image.ensure()
    assert str(failed.value) == (
        "no Debian 13 image could be built, and nothing of it was kept;"
        " is the Debian mirror reachable? (E: no route to the mirror)"
    )
    assert (host.bootstraps, host.imported, list(tmp_path.iterdir())) == (2, [], [])


@pytest.mark.parametrize("host", [0, 1], indirect=True)
def test_a_passing_fault_of_the_mirror_is_overcome(host: Host, tmp_path: Path) -> None:
    assert host.imported == [image.ensure()]
    assert host.bootstraps == host.failures + 1
    assert list(tmp_path.iterdir()) == []
