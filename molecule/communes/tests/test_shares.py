# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A share that LOCAL reads itself, as far as a kernel without SMB shows it: refused, prepared, taken away.

mount.cifs is the real one and reads the account from its file; the mount itself it only pretends (-f).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ccpp_testbed.host import TestbedError
from office import Office

PLAY = "molecule/communes/shares.yml"
NAME, PATH = "compta-du-soir", "/srv/shares/compta-du-soir"
UNIT = r"srv-shares-compta\x2ddu\x2dsoir"
ACCOUNT = "/etc/ccpp-backup/compta-du-soir.smb"
SHARE = {"name": NAME, "share": "//192.0.2.77/compta", "path": PATH, "credentials": ACCOUNT}
PASSWORD = "a,b c=d'e"


def set_up(office: Office, shares: list[dict[str, str]], **more: Any) -> None:
    log(office).parent.mkdir(parents=True, exist_ok=True)
    office.playbook(PLAY, "-e", json.dumps({"shares_list": shares, **more}))


def log(office: Office) -> Path:
    return office.state / f"{PLAY}.log"


def has_cifs(office: Office) -> bool:
    return office.run("local", "modprobe --dry-run --quiet cifs && echo yes", good=(0, 1, 127)) == "yes\n"


def test_a_kernel_without_smb_is_refused_in_one_line_and_nothing_is_set_up(office: Office) -> None:
    if has_cifs(office):
        pytest.skip("this kernel has the module cifs")
    with pytest.raises(TestbedError):
        set_up(office, [SHARE])
    said = " ".join(log(office).read_text(encoding="utf-8").split())
    assert f"sources of kind smb ({NAME}): the kernel of saint-exemple-local has no module cifs; run" in said
    assert "srv-shares" not in office.run("local", "ls /etc/systemd/system")


def test_it_is_mounted_read_only_on_demand_with_an_account_that_no_command_shows(office: Office) -> None:
    set_up(office, [SHARE], shares_required=False, shares_password=PASSWORD)
    units = f"/etc/systemd/system/{UNIT}"
    office.run("local", f"systemd-analyze verify --man=no '{units}.mount' '{units}.automount'")
    shown = office.run(
        "local", f"systemctl show '{UNIT}.automount' --property=ActiveState,UnitFileState,Where"
    )
    assert set(shown.splitlines()) == {"ActiveState=active", "UnitFileState=enabled", f"Where={PATH}"}
    assert office.run("local", f"stat --format='%U %a' {ACCOUNT}") == "ccpp-backup 600\n"
    assert PASSWORD not in office.run("local", f"cat '{units}.mount' '{units}.automount'")
    assert PASSWORD not in log(office).read_text(encoding="utf-8")

    (options,) = re.findall(r"(?m)^Options=(.*)$", office.run("local", f"cat '{units}.mount'"))
    assert {"ro", "nosuid", "nodev", "noexec", f"credentials={ACCOUNT}"} <= set(options.split(","))
    said = office.run("local", f"mount.cifs -f -v {SHARE['share']} /mnt -o {options} 2>&1")
    assert "user=sauvegarde" in said
    assert "domain=MAIRIE" in said
    assert PASSWORD not in said
    set_up(office, [SHARE], shares_required=False, shares_password=PASSWORD)
    assert "changed=0" in log(office).read_text(encoding="utf-8").splitlines()[-2]


def test_a_share_that_is_no_longer_listed_is_taken_away(office: Office) -> None:
    set_up(office, [])
    assert "srv-shares" not in office.run("local", "ls /etc/systemd/system")
    assert "srv-shares" not in office.run("local", "systemctl list-units --all --plain --no-legend")
    office.run("local", f"rm {ACCOUNT}")


def test_a_share_without_an_account_stops_the_run_before_any_machine_is_touched(office: Office) -> None:
    share = {"kind": "smb", "share": "//nas.example.org/compta"}
    office.edit("saint-exemple", lambda fields: fields["sources"].update(compta=share))
    with pytest.raises(TestbedError):
        office.playbook("ccpp.backup.site", "--limit", "commune_saint_exemple", "--check")
    said = " ".join(office.log("ccpp.backup.site").split())
    assert "saint-exemple.yml: sources.compta: the share's account is missing; add smb_username and" in said
    assert (
        office.run("local", "grep -c compta /etc/ccpp-backup/communes/saint-exemple.json", good=(1,)) == "0\n"
    )
