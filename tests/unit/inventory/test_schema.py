# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema: one file for the plugin and for editors, judged as the jsonschema library would."""

from __future__ import annotations

import copy
import json
import pathlib
import random
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import (
    opening,
    planning,
    policy,
    recovery,
)
from ansible_collections.ccpp.backup.plugins.module_utils.commune import check, document

ROOT = pathlib.Path(__file__).parents[3]
UNDERSTOOD = {
    *(
        "$ref",
        "additionalProperties",
        "allOf",
        "const",
        "enum",
        "format",
        "if",
        "items",
        "maxItems",
        "maximum",
    ),
    *("maxLength", "maxProperties", "minItems", "minLength", "minProperties", "minimum", "not", "pattern"),
    *("properties", "propertyNames", "required", "then", "type", "uniqueItems", "x-checked-by"),
    *("default", "definitions", "description", "errorMessage", "examples", "title", "$schema"),
}


def _rules(node: Any) -> Iterator[dict[str, Any]]:
    """Every subschema of a schema."""
    if not isinstance(node, dict):
        return
    yield node
    for keyword in ("items", "additionalProperties", "propertyNames", "if", "then", "not"):
        yield from _rules(node.get(keyword))
    for keyword in ("properties", "definitions"):
        for part in node.get(keyword, {}).values():
            yield from _rules(part)
    for part in node.get("allOf", ()):
        yield from _rules(part)


def _library() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(check.schema())


def test_the_schema_is_valid_itself():
    jsonschema.Draft7Validator.check_schema(check.schema())


def test_editors_get_the_very_schema_that_the_plugin_uses(example):
    beside = ROOT / "inventory/communes/commune.schema.json"
    assert json.loads(beside.read_text(encoding="utf-8")) == check.schema()
    assert example.splitlines()[0] == "# yaml-language-server: $schema=commune.schema.json"


def test_the_schema_uses_no_keyword_that_the_check_would_pass_over():
    assert {keyword for rule in _rules(check.schema()) for keyword in rule} <= UNDERSTOOD


def test_every_field_is_described_and_every_pattern_has_a_cure():
    for rule in _rules(check.schema()):
        for name, field in rule.get("properties", {}).items():
            if isinstance(field, dict) and "type" in field:
                assert field.get("description"), name
        if "pattern" in rule or "format" in rule:
            assert rule["errorMessage"]


def test_every_example_in_the_schema_follows_the_schema():
    for rule in _rules(check.schema()):
        for example in rule.get("examples", ()):
            validator = jsonschema.Draft7Validator({**rule, "definitions": check.schema()["definitions"]})
            assert not list(validator.iter_errors(example)), (rule, example)


def test_the_blocks_that_the_core_checks_have_the_fields_that_the_core_knows():
    properties = check.schema()["properties"]
    assert set(properties["opening"]["properties"]) == set(opening.FIELDS)
    assert policy.Policy.from_mapping({}) == policy.Policy()


def test_the_assumptions_of_the_schema_are_those_of_the_planners():
    fields = dict(check.schema()["properties"]["planning"]["properties"])
    del fields["volumes_on"]
    known = {name: (one["default"], one["least"], one["most"]) for name, one in planning.described().items()}
    assert {name: (one["default"], one["minimum"], one["maximum"]) for name, one in fields.items()} == known


def test_the_promise_of_the_schema_is_that_of_the_planner():
    fields = check.schema()["properties"]["recovery"]["properties"]
    assert (fields["hours"]["default"], fields["hours"]["maximum"]) == (
        recovery.PROMISED_HOURS,
        recovery.LONGEST_HOURS,
    )
    assert fields["accept"]["enum"] == [recovery.COURIER]


def test_the_library_finds_the_examples_valid(example, full):
    assert not list(_library().iter_errors(document.load(example.encode()).value))
    assert not list(_library().iter_errors(full))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in list(items):
        yield value, step
        yield from _places(item)


STRANGE = [
    None,
    True,
    0,
    1,
    3,
    4,
    2.5,
    70000,
    "",
    "x",
    "linux",
    "smb",
    "path",
    "windows",
    "4g",
    "/",
    "//a/b",
    "C:\\",
]
STRANGE += [
    "a.b",
    "99003",
    [],
    {},
    ["/a"],
    ["/a", "/a"],
    ["C:\\x"],
    {"kind": "path", "paths": ["/a"]},
    "2024-02-30",
]


OUR_FORMATS = ("is not a date", "is not an address", "is not an IPv4 network")


@pytest.mark.parametrize("seed", range(10))
def test_the_check_judges_as_the_jsonschema_library_does(full, seed):
    chance = random.Random(seed)
    library = _library()
    verdicts = set()
    for _ in range(50):
        commune = copy.deepcopy(full)
        for _ in range(chance.randint(1, 3)):
            parent, step = chance.choice(list(_places(commune)))
            if chance.random() < 0.2:
                del parent[step]
            else:
                parent[step] = chance.choice(STRANGE)
        mistakes = check.mistakes(commune, {})
        # What the core checks, and the formats that JSON Schema does not know, are not the library's matter.
        mine = [m for m in mistakes if not any(said in m.text for said in OUR_FORMATS)]
        theirs = [e for e in library.iter_errors(commune) if "opening" not in list(e.absolute_path)[:-1]]
        if bool(mistakes) == bool(mine):
            assert bool(mine) == bool(theirs), (yaml.safe_dump(commune), mistakes, theirs)
            verdicts.add(bool(mine))
    assert True in verdicts
