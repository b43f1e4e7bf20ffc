# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's configuration is read strictly: a misspelt field must not leave a source without a backup."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.config import load
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError


def changed(value: dict[str, Any], path: str, new: Any) -> dict[str, Any]:
    """The value with the field at the dotted path set, or removed if new is ..."""
    *folders, last = path.split(".")
    inner = value
    for name in folders:
        inner = inner[name]
    if new is ...:
        del inner[last]
    else:
        inner[last] = new
    return value


def test_a_whole_configuration_is_read(write_config: Callable[..., Path]) -> None:
    config = load(str(write_config()))
    source = config.one("saint-exemple", "accueil")
    assert (config.site, source.series, source.paths) == ("local", "saint-exemple/accueil", ("/home",))
    assert config.communes["saint-exemple"].contacts == {"phone": "03 00 00 00 00"}
    assert not source.read_by_server


@pytest.mark.parametrize(
    ("path", "new", "said"),
    [
        ("nickname", 1, "nickname: unknown field"),
        ("name", ..., "name: missing"),
        ("commune", "Saint Exemple", "is no name"),
        ("commune", "other", "is not the file's name"),
        ("sources.accueil.kind", "solaris", "sources.accueil.kind: 'solaris' is none of linux, windows"),
        ("sources.accueil.pahts", [], "sources.accueil.pahts: unknown field"),
        ("sources.accueil.paths", "/home", "sources.accueil.paths: expected a list"),
        ("sources.accueil.paths", [1], "sources.accueil.paths[0]: expected a text"),
        ("sources.accueil.priority", True, "sources.accueil.priority: expected a whole number"),
        ("sources.accueil.repository.location", "here", "is not an absolute path"),
        ("sources.accueil.repository.location", None, "exactly one of location and location_file"),
        ("sources.accueil.repository.location_file", "/x", "exactly one of location and location_file"),
        ("sources.accueil.repository.user", "x", "sources.accueil.repository.user: unknown field"),
        ("sources.accueil.report_url", "http://host/", "is not an https:// address"),
        ("sources.accueil.upstream", {}, "sources.accueil.upstream.location_file: missing"),
        ("sources", [], "sources: expected an object"),
        ("opening", "always", "opening: expected an object"),
    ],
)
def test_a_mistake_names_file_field_and_cure(
    write_config: Callable[..., Path], commune_value: dict[str, Any], path: str, new: Any, said: str
) -> None:
    folder = write_config(commune_value=changed(commune_value, path, new))
    with pytest.raises(InputError) as error:
        load(str(folder))
    assert "saint-exemple.json" in str(error.value)
    assert said in str(error.value)
    assert "run it again" in str(error.value)


@pytest.mark.parametrize("body", ["", "[]", "{", '"x"', "{}", "[" * 100_000])
def test_what_is_no_configuration_is_one_line(write_config: Callable[..., Path], body: str) -> None:
    folder = write_config()
    (folder / "agent.json").write_text(body, encoding="utf-8")
    with pytest.raises(InputError, match=r"agent\.json"):
        load(str(folder))


def test_a_missing_agent_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load(str(tmp_path))


def test_choosing_sources(
    write_config: Callable[..., Path], agent_value: dict[str, Any], commune_value: dict[str, Any]
) -> None:
    sources = commune_value["sources"]
    sources["urbanisme"] = {**sources["accueil"], "priority": 0}
    config = load(str(write_config({**agent_value, "site": "remote"}, commune_value)))
    assert [source.name for source in config.select()] == ["urbanisme", "accueil"]
    assert config.one(None, "accueil").name == "accueil"
    with pytest.raises(InputError, match="more than one source fits"):
        config.one(None, None)
    with pytest.raises(InputError, match="known: saint-exemple"):
        config.select("elsewhere")
    with pytest.raises(InputError, match="known: accueil, urbanisme"):
        config.select(None, "mairie")
