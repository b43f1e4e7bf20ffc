# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verb `commune`: a commune's first file, from a few questions or from options."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..capacity import TIERS_TB
from ..errors import DONE, BackupError, InputError, shown
from ..planning import gb_text
from .output import Output

try:
    from ...commune import first_file, folder
    from ...commune.first_file import Question
except ImportError:  # a server, which has no communes' files
    first_file = folder = None  # type: ignore[assignment]

HELP = "write the first file of a commune: asks on a terminal what no option says, and overwrites nothing"
FOLDER = "inventory/communes"
YES = ("y", "yes", "o", "oui")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for question in () if first_file is None else (*first_file.QUESTIONS, first_file.TIER):
        parser.add_argument(
            f"--{question.option}",
            action="append" if question.many else "store",
            metavar="TEXT",
            help=question.text + (" (may be repeated)" if question.many else ""),
        )
    parser.add_argument(
        "--slug", metavar="TEXT", help="Short name, which names the file (default: by the name)"
    )
    parser.add_argument(
        "--accept-courier",
        action="store_true",
        help="The commune agrees that a disk is driven over where no line is fast enough",
    )
    parser.add_argument(
        "--folder", default=FOLDER, metavar="DIR", help=f"Where the files are (default: {FOLDER})"
    )


def execute(args: argparse.Namespace, out: Output) -> int:
    if first_file is None:
        raise InputError(
            "communes' files are written on the administrator's machine: run this command from the collection"
        )
    interview = _Interview(args, out)
    interview.questions()
    path = interview.path()
    interview.tier()
    text = interview.promised(path)
    _write(path, text)
    slug = Path(path).stem
    commands = ["make allocate", f"ansible-playbook ccpp.backup.onboard -e commune={slug}"]
    if args.json:
        out.json({"path": path, "commands": commands})
        return DONE
    out.line(f"{path}: written, {len(text.splitlines())} lines. Next:")
    for command in commands:
        out.line(f"  {command}")
    return DONE


class _Interview:
    """Takes what the options say, asks for the rest on a terminal, and gathers the file's content."""

    def __init__(self, args: argparse.Namespace, out: Output) -> None:
        self._args = args
        self._out = out
        self._interactive = sys.stdin is not None and sys.stdin.isatty()
        self._given: dict[str, Any] = {}
        paths = folder.files(Path(args.folder))
        self._others = folder.read((str(path), path) for path in paths)

    def questions(self) -> None:
        """All but the tier, which follows from the rest."""
        others = folder.validate(self._others, promises=False)
        missing = [q.option for q in first_file.QUESTIONS if q.default is None and not self._option(q.option)]
        if missing and not self._interactive:
            names = ", ".join(f"--{name}" for name in missing)
            raise InputError(f"{names}: missing (there is no terminal to ask for it)")
        for question in first_file.QUESTIONS:
            if question.many:
                self._several(question)
            else:
                self._ask_one(question, others)

    def path(self) -> str:
        """The file to write, which is not there yet."""
        suggested = first_file.short_name(self._given["name"])
        return str(self._until_right("slug", "Short name, for the file", suggested, self._new_file))

    def tier(self) -> None:
        plan = first_file.capacity_plan("commune", self._given)
        if plan.years:
            last = plan.years[-1]
            self._say(
                f"until {last.ends}, {gb_text(last.needed_gb)} are needed, by the planner's assumptions"
            )
        self._ask(first_file.TIER, str(plan.tier_tb or TIERS_TB[-1]))

    def promised(self, path: str) -> str:
        """The file's text, once it holds together with the others and what it promises can be kept."""
        while True:
            text = first_file.text(self._given)
            found = folder.validate({**self._others, path: text.encode()})
            mine = [line for line in found.lines if line.startswith(f"{path}: ")]
            if not mine:
                return text
            slow = mine[0].startswith(f"{path}: recovery: ") and "recovery" not in self._given
            if not (slow and self._courier(mine[0].removeprefix(f"{path}: "))):
                raise InputError(mine[0])
            self._given["recovery"] = {"accept": "courier"}

    def _option(self, name: str) -> Any:
        return getattr(self._args, name.replace("-", "_"))

    def _ask_one(self, question: Question, others: folder.Communes) -> None:
        def checked(text: str) -> None:
            if question.option in folder.UNIQUE:
                clash = folder.clash(others, question.option, text)
                if clash is not None:
                    raise InputError(f"{question.option}: {shown(text)} is also that of {clash}")

        self._ask(question, question.default, checked)

    def _ask(
        self, question: Question, default: str | None, checked: Callable[[str], None] = lambda text: None
    ) -> None:
        def read(text: str) -> None:
            if text or question.default is None:
                checked(text)
                value = first_file.answered(question, text)
                self._given = first_file.with_answer(self._given, question, value)

        self._until_right(question.option, question.text, default, read)

    def _several(self, question: Question) -> None:
        """Parts of a field, one an answer, until an empty one."""

        def add(text: str) -> None:
            value = first_file.answered(question, text)
            self._given = first_file.with_answer(self._given, question, value)

        said = self._option(question.option)
        for text in said or ():
            add(text)
        while not said:
            more = question.field[0] in self._given
            answer = self._prompt("Another one (empty: no more)" if more else question.text, None)
            if more and not answer:
                return
            self._tried(add, answer)

    def _until_right(self, option: str, text: str, default: str | None, read: Callable[[str], Any]) -> Any:
        """What `read` makes of the option or the answer; an answer that it refuses is asked for again."""
        said = self._option(option)
        if said is not None or not self._interactive:
            return read(said if said is not None else default or "")
        while True:
            done, value = self._tried(read, self._prompt(text, default) or default or "")
            if done:
                return value

    def _tried(self, read: Callable[[str], Any], answer: str) -> tuple[bool, Any]:
        try:
            return True, read(answer)
        except InputError as error:
            self._say(str(error))
            return False, None

    def _prompt(self, text: str, default: str | None) -> str:
        self._out.flush()
        try:
            return input(f"{text}{f' [{default}]' if default else ''}: ").strip()
        except EOFError:
            raise BackupError("no more answers: nothing was written") from None

    def _say(self, text: str) -> None:
        if self._interactive:
            self._out.line(f"  {text}")

    def _new_file(self, slug: str) -> str:
        mistakes = folder.name_mistakes(f"{slug}.yml")
        if mistakes:
            raise InputError(f"--slug: {mistakes[0]}")
        path = os.path.join(self._args.folder, f"{slug}.yml")
        if os.path.lexists(path):
            raise InputError(f"{path}: is there already, and is not overwritten; choose another --slug")
        return path

    def _courier(self, refusal: str) -> bool:
        if self._args.accept_courier or not self._interactive:
            return bool(self._args.accept_courier)
        self._say(refusal)
        answer = self._prompt("Does the commune accept a courier's disk then? (yes/no)", "no")
        return answer.lower() in YES


def _write(path: str, text: str) -> None:
    """As a new file, or not at all."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        raise InputError(f"{path}: is there already, and is not overwritten") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
    except OSError:
        os.unlink(path)
        raise
