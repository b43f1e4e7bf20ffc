# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verb `plan`: what would be kept and removed, for any history, without touching a repository."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from json.encoder import encode_basestring as quoted
from typing import Any

from ..errors import DONE, InputError, shown
from ..opening import FixedOpenDays, OpenDays
from ..policy import Policy, described
from ..retention import EVERYTHING, DuplicateSnapshotError, Plan, plan
from ..whatif import Receipts, open_days_from, opened, policy_from, read_document
from .output import Output

HELP = "Say what would be kept and removed, why and until when, for a history given in files"

_FORMATS = """\
receipts: JSON lines in ledger order, each {"id", "series", "received_at", "claimed_at", "kind", "outcome"};
  times are ISO 8601 with their offset, kind is full or incremental, outcome is ok, partial or failed
open days: a JSON list of dates, as `ccpp-backup calendar --json` prints it
each FILE is a plain file, or - for what a pipe hands over
policy: a JSON object with any of these numbers (defaults in brackets):
"""
_RESULT = """\
the result: {"decisions": [{"id", "series", "action", "reasons", "until"}], "refused", "plan_hash"}
  action is keep, remove or quarantine (claimed_at is not believed: neither counted nor removed);
  until is the last day its dates keep a snapshot, null where no date ends it;
  refused is null, or one sentence: then nothing of the plan is carried out unless a person confirms that very
  plan by its hash. A question that is answered ends with exit code 0, also where the plan is refused.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--receipts", metavar="FILE", required=True, help="receipts, JSON lines in ledger order"
    )
    parser.add_argument("--open-days", metavar="FILE", required=True, help="open days, a JSON list of dates")
    parser.add_argument("--policy", metavar="FILE", help="numbers of the policy to override, a JSON object")
    parser.add_argument("--hold", metavar="REASON", help="answer as if a hold covered everything")
    parser.add_argument(
        "--confirm", metavar="HASH", help="answer as if a person had confirmed this plan_hash"
    )
    numbers = "".join(f"  {name} ({default}): {meaning}\n" for name, default, meaning in described())
    parser.epilog = f"{_FORMATS}{numbers}\n{_RESULT}\n{parser.epilog or ''}"


def execute(args: argparse.Namespace, out: Output) -> int:
    policy = policy_from(_document(args.policy), args.policy) if args.policy is not None else Policy()
    open_days = open_days_from(_document(args.open_days), args.open_days)
    now = args.now if args.now is not None else datetime.now(UTC)
    answer = _answer(args, open_days, policy, now)
    if args.json:
        _write_json(answer, out)
    else:
        _write_table(answer, out)
    return DONE


def _answer(args: argparse.Namespace, open_days: FixedOpenDays, policy: Policy, now: datetime) -> Plan:
    with opened(args.receipts) as file:
        receipts = Receipts(file, args.receipts)
        days: OpenDays = open_days
        holds = {} if args.hold is None else {EVERYTHING: args.hold}
        try:
            return plan(receipts, days, policy, now, holds=holds, confirmed=args.confirm)
        except DuplicateSnapshotError as error:
            value = shown(error.snapshot)
            raise InputError(
                f"{receipts.where}: id: {value} is there twice (give each snapshot once)"
            ) from None


def _document(path: str) -> Any:
    with opened(path) as file:
        return read_document(file, path)


def _write_json(answer: Plan, out: Output) -> None:
    """One JSON document, a decision a line, written without ever being held whole."""
    out.raw('{"decisions": [')
    comma = "\n"
    for name, series, action, reasons, until in answer.decisions():
        end = "null" if until is None else f'"{until}"'
        out.raw(
            f'{comma}{{"id": {quoted(name)}, "series": {quoted(series)}, "action": "{action}",'
            f' "reasons": [{", ".join(map(quoted, reasons))}], "until": {end}}}'
        )
        comma = ",\n"
    tail = json.dumps({"refused": answer.refused, "plan_hash": answer.plan_hash}, ensure_ascii=False)
    out.raw(f"\n], {tail[1:]}\n")


def _write_table(answer: Plan, out: Output) -> None:
    counts = {"keep": 0, "remove": 0, "quarantine": 0}
    for decision in answer.decisions():
        counts[decision.action] += 1
        until = "-" if decision.until is None else decision.until.isoformat()
        out.line(
            f"{decision.action:<10}  {until:<10}  {_short(decision.series):<16}  {_short(decision.id):<12}"
            f"  {'; '.join(decision.reasons)}"
        )
    out.line(f"{counts['keep']} to keep, {counts['remove']} to remove, {counts['quarantine']} in quarantine")
    if answer.refused is not None:
        out.line(f"refused: {answer.refused}")
    out.line(f"plan hash: {answer.plan_hash}")


def _short(text: str) -> str:
    """A snapshot's id as restic shortens it; any other name whole."""
    return text[:8] if len(text) == 64 else text
