# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a commune's server that has been taken over can do at REMOTE: nothing to what lies there."""

from __future__ import annotations

from pathlib import Path

import pytest
from quick_keys import forge_config
from trees import below, differences
from world import World


@pytest.mark.parametrize("victim", ["repositories/accueil", "ledgers"])
def test_a_repositorys_id_leads_restic_nowhere(world: World, tmp_path: Path, victim: str) -> None:
    """restic would keep its cache of the repository there, and remove the packs that the repository lacks."""
    world.back_up_and_receive()
    world.agent("remote", "replicate")
    (world.data() / "new").write_bytes(b"new")
    world.back_up_and_receive()
    folder = world.base / "remote" / victim
    before = {path for path in folder.rglob("*") if path.is_file() and "locks" not in path.parts}
    local = world.repository("local")
    own_key = next(e["key"] for e in world.acts("local", "key-registered") if e["name"] == "admin")
    password = world.password("accueil.local").read_bytes().strip()
    forge_config(local, own_key, password, id=f"../{victim}")
    world.agent("remote", "replicate")
    assert before <= set(folder.rglob("*"))
    assert not (folder / "version").exists()
    world.agent("remote", "verify")
    world.agent("remote", "restore", "--target", str(tmp_path / "t"))
    assert differences(world.data(), below(tmp_path / "t", world.data())) == []
