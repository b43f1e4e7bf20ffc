#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set kernel parameters now and at every start."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_parameters
short_description: Set kernel parameters now and at every start
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - Writes one file for sysctl.d(5) and sets in the running kernel what differs, all in one call.
  - Reads every parameter again afterwards; one that did not take its value fails the task.
  - Tells which parameters this machine does not have. In a container those are all but the network's, because
    the rest is the host's and that of all its other containers; they are then left out of the file too.
options:
  path:
    description: The file.
    type: path
    required: true
  settings:
    description:
      - Value by parameter.
      - A C(*) in a name stands for every interface, those to come included; a name spelt out wins over it.
    type: dict
    required: true
attributes:
  check_mode:
    description: Predicts every change.
    support: full
  diff_mode:
    description: Shows the file, and the parameters that change.
    support: full
"""

EXAMPLES = r"""
- name: Forward nothing
  ccpp.backup.kernel_parameters:
    path: /etc/sysctl.d/99-example.conf
    settings:
      net.ipv4.ip_forward: 0
      net.ipv6.conf.*.accept_redirects: 0
"""

RETURN = r"""
set:
  description: Parameters of the running kernel that were, or in check mode would be, given another value.
  returned: success
  type: list
  elements: str
  sample: [net.ipv4.ip_forward]
not_applicable:
  description: Parameters that this machine does not have, with the reason.
  returned: success
  type: dict
  sample: {kernel.sysrq: a container has the kernel of its host}
"""

import os
import tempfile
from collections.abc import Iterator

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ccpp.backup.plugins.module_utils.kernel import (
    KernelError,
    checked,
    sort,
    text_of,
    values,
)

ROOT = "/proc/sys"
# Some parameters set others back: whether the machine forwards decides on the redirects it accepts.
ATTEMPTS = 2
HEADING = """Written by role ccpp.backup.base; see systemd-sysctl(8)."""


def parameters() -> Iterator[str]:
    """Return the names of all parameters of the running kernel."""
    for folder, _folders, files in os.walk(ROOT):
        place = os.path.relpath(folder, ROOT)
        for name in files:
            # As sysctl(8) writes an interface with a dot in its name.
            yield "/".join((place, name)).replace(".", "\0").replace("/", ".").replace("\0", "/")


def path_of(name: str) -> str:
    """Return the file of a parameter."""
    return os.path.join(ROOT, name.replace("/", "\0").replace(".", "/").replace("\0", "."))


def value_of(name: str) -> str:
    """Return a parameter's present value, its parts separated by one space."""
    with open(path_of(name), encoding="utf-8") as stream:
        return " ".join(stream.read().split())


def read(path: str) -> str:
    """Return the content of a file, empty when there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""


def write(path: str, text: str) -> None:
    """Replace a file whole."""
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
        os.fchmod(stream.fileno(), 0o644)
        os.fsync(stream.fileno())
    os.replace(temporary, path)


def differing(wanted: dict[str, str]) -> dict[str, str]:
    """Return the present value of each parameter that has not the one wanted."""
    present = {}
    for name, value in wanted.items():
        try:
            found = value_of(name)
        except FileNotFoundError:  # an interface that has just gone
            continue
        if found != value:
            present[name] = found
    return present


def put(name: str, value: str) -> None:
    """Give the running kernel a value; KernelError when it does not take it."""
    try:
        with open(path_of(name), "w", encoding="utf-8") as stream:
            stream.write(value)
    except OSError as error:
        raise KernelError(f"{name}: the kernel does not take '{value}': {error.strerror}") from None


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "settings": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    path = module.params["path"]
    try:
        settings = checked(module.params["settings"])
        container = module.run_command(["systemd-detect-virt", "--quiet", "--container"])[0] == 0
        known = list(parameters())
        done = sort(settings, known, container)
        wanted = values(done, known)
        before, after = read(path), text_of(done, HEADING)
        present = differing(wanted)
        if not module.check_mode:
            if before != after:
                write(path, after)
            left = present
            for _attempt in range(ATTEMPTS):
                for name in left:
                    put(name, wanted[name])
                left = differing(wanted)
            if left:
                told = ", ".join(f"{name} is {value}, not {wanted[name]}" for name, value in left.items())
                raise KernelError(f"the kernel has kept its own values: {told}")
    except (KernelError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=before != after or bool(present),
        set=sorted(present),
        not_applicable=done.not_applicable,
        diff=[
            {"before_header": path, "after_header": path, "before": before, "after": after},
            {
                "before_header": "running kernel",
                "after_header": "running kernel",
                "before": "".join(f"{name} = {value}\n" for name, value in present.items()),
                "after": "".join(f"{name} = {wanted[name]}\n" for name in present),
            },
        ],
    )


if __name__ == "__main__":
    main()
