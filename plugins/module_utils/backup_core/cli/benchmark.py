# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verb `benchmark`: how fast this server reads, hashes and restores, for the recovery planner."""

from __future__ import annotations

import argparse
import os
import socket

from ..clock import Clock
from ..config import load
from ..errors import DONE, InputError
from ..times import utc_text
from .output import Output

HELP = "Measure how fast this server reads, hashes, backs up and restores, on a sample of its own"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--directory",
        metavar="DIR",
        help="folder on the disk to measure, which should be that of the repositories (default: the state's)",
    )
    parser.add_argument(
        "--megabytes", type=int, default=1024, metavar="N", help="size of the sample (default: 1024)"
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="keep the result here, for `recovery --measured-...` (default: benchmark.json of the state)",
    )


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import benchmark
    from ..files import write_durably
    from ..serialise import encode

    if not benchmark.LEAST_MB <= args.megabytes <= benchmark.MOST_MB:
        limits = f"{benchmark.LEAST_MB} to {benchmark.MOST_MB}"
        raise InputError(f"--megabytes: {args.megabytes} is not a size from {limits} (1024 is a good one)")
    directory, output = args.directory, args.output
    if directory is None or output is None:
        state = load().state_directory
        directory = state if directory is None else directory
        output = os.path.join(state, "benchmark.json") if output is None else output
    rates = benchmark.measure(directory, args.megabytes, out.progress)
    document = {
        "measured_at": utc_text(Clock(args.now).now()),
        "server": socket.gethostname(),
        "directory": os.path.abspath(directory),
        **rates.as_json(),
    }
    write_durably(os.path.abspath(output), encode(document) + b"\n")
    if args.json:
        out.json(document)
    else:
        out.line(f"reading    {rates.disk_read_mb_s:8.1f} MB/s")
        out.line(f"hashing    {rates.sha256_mb_s:8.1f} MB/s")
        out.line(f"backing up {rates.restic_backup_mb_s:8.1f} MB/s")
        out.line(f"restoring  {rates.restic_restore_mb_s:8.1f} MB/s")
        out.line(f"kept in {output}")
    return DONE
