# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write roles/*/README.md from meta/argument_specs.yml, and compare the specs with defaults/main.yml.

Ansible does not apply the specs' defaults to role variables, so both files have to say the same.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

GENERATED = "<!-- Written by `make docs` from meta/argument_specs.yml: change that file instead. -->"


def load(path: Path) -> dict[str, Any]:
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


def entry_points(role: Path) -> dict[str, dict[str, Any]]:
    return load(role / "meta/argument_specs.yml").get("argument_specs") or {}


def defaults(role: Path) -> dict[str, Any]:
    return load(role / "defaults/main.yml")


def is_expression(value: object) -> bool:
    """Whether a default is computed when the role runs: it, or something inside it, is a template."""
    if isinstance(value, dict):
        return any(is_expression(item) for item in value.values())
    if isinstance(value, list):
        return any(is_expression(item) for item in value)
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def disagreements(role: Path) -> Iterator[str]:
    """What defaults/main.yml and the argument specs say differently, one line each."""
    specs, given = entry_points(role), defaults(role)
    if not specs:
        yield "no meta/argument_specs.yml, or nothing in it"
    options: dict[str, dict[str, Any]] = {}
    for entry in specs.values():
        options.update(entry.get("options") or {})
    for name in sorted(given.keys() - options.keys()):
        yield f"{name} is in defaults/main.yml and not in meta/argument_specs.yml"
    for name, option in sorted(options.items()):
        if not name.startswith(f"{role.name}_"):
            yield f"{name} does not begin with {role.name}_"
        if not option.get("description"):
            yield f"{name} has no description"
        yield from default_disagreements(name, option, given)


def default_disagreements(name: str, option: dict[str, Any], given: dict[str, Any]) -> Iterator[str]:
    documented = option.get("default")
    if option.get("required"):
        # An empty placeholder lists a required input among the others; preflight refuses it.
        if given.get(name):
            yield f"{name} is required and has a default in defaults/main.yml"
    elif name not in given:
        yield f"{name} is not required and has no default in defaults/main.yml"
    elif is_expression(given[name]):
        if documented is not None:
            yield f"{name} is computed in defaults/main.yml: the fixed default in the specs misleads"
    elif documented != given[name]:
        yield f"{name} is {given[name]!r} in defaults/main.yml and {documented!r} in the specs"


def markdown(text: str) -> str:
    """Ansible's documentation markup as Markdown."""
    text = re.sub(r"\bP\(([^)#]+)#[a-z]+\)", r"`\1`", text)
    text = re.sub(r"\b[CVOEMP]\(([^)]*)\)", r"`\1`", text)
    text = re.sub(r"\bI\(([^)]*)\)", r"*\1*", text)
    text = re.sub(r"\bB\(([^)]*)\)", r"**\1**", text)
    text = re.sub(r"\bL\(([^,)]*), *([^)]*)\)", r"[\1](\2)", text)
    return re.sub(r"\bU\(([^)]*)\)", r"<\1>", text)


def paragraphs(value: str | list[str] | None) -> list[str]:
    return [markdown(item) for item in ([value] if isinstance(value, str) else value or [])]


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(value: object) -> str:
    if isinstance(value, bool):
        value = str(value).lower()
    text = " ".join(str(value).split())
    return f"`` {text} ``" if "`" in text else f"`{text}`" if text else "empty"


def default_cell(name: str, option: dict[str, Any], given: dict[str, Any]) -> str:
    if option.get("required"):
        return "**required**"
    value = given.get(name, option.get("default"))
    if value is None:
        return ""
    return "computed" if isinstance(value, dict | list) and is_expression(value) else code(value)


def type_cell(option: dict[str, Any]) -> str:
    kind = option.get("type", "str")
    return f"{kind} of {option['elements']}" if "elements" in option else kind


def rows(options: dict[str, Any], given: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, option in options.items():
        words = paragraphs(option.get("description"))
        if "choices" in option:
            words.append(f"One of {', '.join(code(choice) for choice in option['choices'])}.")
        default = default_cell(name, option, {} if prefix else given)
        yield f"| `{prefix}{name}` | {type_cell(option)} | {cell(default)} | {cell(' '.join(words))} |"
        inside = "[]." if option.get("type") == "list" else "."
        yield from rows(option.get("options") or {}, given, f"{prefix}{name}{inside}")


def readme(role: Path) -> str:
    given = defaults(role)
    lines = [GENERATED, f"# ccpp.backup.{role.name}", ""]
    for name, entry in entry_points(role).items():
        if name != "main":
            lines += [f"## Entry point `{name}`", ""]
        lines += [f"{markdown(entry.get('short_description', ''))}.", ""]
        for paragraph in paragraphs(entry.get("description")):
            lines += [paragraph, ""]
        if options := entry.get("options"):
            lines += [
                "| Variable | Type | Default | Meaning |",
                "|---|---|---|---|",
                *rows(options, given),
                "",
            ]
        else:
            lines += ["It takes no variables.", ""]
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; say what is not up to date")
    parser.add_argument("--roles", type=Path, default=Path("roles"), help="folder of the roles")
    arguments = parser.parse_args()
    problems = []
    for role in sorted(path for path in arguments.roles.iterdir() if path.is_dir()):
        problems += [f"{role}: {problem}" for problem in disagreements(role)]
        target, text = role / "README.md", readme(role)
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        if arguments.check:
            problems.append(f"{target} is not what the argument specs say: run `make docs`")
        else:
            target.write_text(text, encoding="utf-8")
            print(f"wrote {target}")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
