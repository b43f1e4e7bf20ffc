# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults and argument specs have to agree, and the README says what the specs say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import role_readmes
import yaml


@pytest.fixture
def make_role(tmp_path: Path):
    def make(defaults: dict[str, Any], options: dict[str, Any]) -> Path:
        role = tmp_path / "agent"
        spec = {"argument_specs": {"main": {"short_description": "The command", "options": options}}}
        for name, content in (("defaults/main.yml", defaults), ("meta/argument_specs.yml", spec)):
            (role / name).parent.mkdir(parents=True)
            (role / name).write_text(yaml.safe_dump(content), encoding="utf-8")
        return role

    return make


def option(**words: object) -> dict[str, object]:
    return {"description": "What it is.", "type": "str", **words}


@pytest.mark.parametrize(
    ("defaults", "options"),
    [
        ({"agent_delay": "5m"}, {"agent_delay": option(default="5m")}),
        ({"agent_server": "{{ inventory_hostname }}"}, {"agent_server": option()}),
        ({"agent_names": ["{{ inventory_hostname }}"]}, {"agent_names": option(type="list")}),
        ({}, {"agent_site": option(required=True)}),
        ({"agent_site": ""}, {"agent_site": option(required=True)}),
    ],
    ids=["same default", "computed", "computed inside a list", "required", "required with a placeholder"],
)
def test_files_that_agree_are_not_reported(make_role, defaults, options):
    assert list(role_readmes.disagreements(make_role(defaults, options))) == []


@pytest.mark.parametrize(
    ("defaults", "options", "said"),
    [
        ({"agent_delay": "5m"}, {"agent_delay": option(default="1m")}, "'5m' in defaults"),
        ({"agent_delay": "5m"}, {"agent_delay": option()}, "None in the specs"),
        ({"agent_delay": "5m"}, {}, "not in meta/argument_specs.yml"),
        ({}, {"agent_delay": option(default="5m")}, "no default in defaults/main.yml"),
        ({"agent_site": "local"}, {"agent_site": option(required=True)}, "is required and has a default"),
        ({"agent_host": "{{ x }}"}, {"agent_host": option(default="y")}, "the fixed default in the specs"),
        ({"delay": "5m"}, {"delay": option(default="5m")}, "does not begin with agent_"),
        ({"agent_x": 1}, {"agent_x": {"default": 1, "type": "int"}}, "agent_x has no description"),
    ],
)
def test_every_disagreement_names_the_variable_and_the_file(make_role, defaults, options, said):
    assert [line for line in role_readmes.disagreements(make_role(defaults, options)) if said in line]


def test_a_role_without_argument_specs_is_reported(tmp_path):
    (tmp_path / "agent").mkdir()
    assert list(role_readmes.disagreements(tmp_path / "agent")) == [
        "no meta/argument_specs.yml, or nothing in it"
    ]


def test_the_readme_shows_defaults_choices_and_nested_options(make_role):
    options = {
        "agent_site": option(required=True, choices=["local", "remote"]),
        "agent_enabled": option(type="bool", default=True),
        "agent_sources": option(type="list", elements="dict", options={"path": option(required=True)}),
    }
    text = role_readmes.readme(make_role({"agent_enabled": True, "agent_sources": []}, options))
    assert "| `agent_site` | str | **required** | What it is. One of `local`, `remote`. |" in text
    assert "| `agent_enabled` | bool | `true` | What it is. |" in text
    assert "| `agent_sources[].path` | str | **required** | What it is. |" in text


def test_a_bar_in_a_default_does_not_break_the_table(make_role):
    role = make_role({"agent_x": "{{ a | default(b) }}"}, {"agent_x": option()})
    assert "`{{ a \\| default(b) }}`" in role_readmes.readme(role)


@pytest.mark.parametrize(
    ("ansible", "markdown"),
    [
        ("see C(restic)", "see `restic`"),
        ("filter P(ccpp.backup.agent_files#filter)", "filter `ccpp.backup.agent_files`"),
        ("I(now) and B(then)", "*now* and **then**"),
        ("L(restic,https://restic.example)", "[restic](https://restic.example)"),
    ],
)
def test_documentation_markup_becomes_markdown(ansible, markdown):
    assert role_readmes.markdown(ansible) == markdown
