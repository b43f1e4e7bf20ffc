# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernel parameters a machine can have, and what its file of them says."""

from __future__ import annotations

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.kernel import (
    KernelError,
    checked,
    sort,
    text_of,
    values,
)

KNOWN = [
    "kernel.sysrq",
    "net.ipv4.ip_forward",
    "net.ipv6.conf.all.accept_ra",
    "net.ipv6.conf.default.accept_ra",
    "net.ipv6.conf.eth0/5.accept_ra",
]


def test_a_machine_of_its_own_has_them_all_but_what_its_kernel_lacks() -> None:
    done = sort({"kernel.sysrq": "0", "kernel.yama.ptrace_scope": "1"}, KNOWN, container=False)
    assert done.not_applicable == {"kernel.yama.ptrace_scope": "this kernel does not have it"}
    # It stays in the file: the next kernel may have it.
    assert text_of(done, "Heading.") == "# Heading.\nkernel.sysrq = 0\n-kernel.yama.ptrace_scope = 1\n"
    assert values(done, KNOWN) == {"kernel.sysrq": "0"}


def test_a_container_touches_nothing_of_its_host() -> None:
    done = sort({"kernel.sysrq": "0", "net.ipv4.ip_forward": "0"}, KNOWN, container=True)
    assert done.settings == {"net.ipv4.ip_forward": "0"}
    assert done.not_applicable == {"kernel.sysrq": "a container has the kernel of its host"}


def test_a_star_stands_for_every_interface_and_a_name_wins_over_it() -> None:
    settings = {"net.ipv6.conf.default.accept_ra": "1", "net.ipv6.conf.*.accept_ra": "0"}
    done = sort(settings, KNOWN, container=False)
    assert values(done, KNOWN) == {
        "net.ipv6.conf.all.accept_ra": "0",
        "net.ipv6.conf.default.accept_ra": "1",
        "net.ipv6.conf.eth0/5.accept_ra": "0",
    }
    assert done.not_applicable == {}


def test_values_are_text_with_single_spaces() -> None:
    given = {"kernel.sysrq": False, "net.ipv4.ip_local_port_range": "32768\t65535", "kernel.pid_max": 65536}
    assert checked(given) == {
        "kernel.sysrq": "0",
        "net.ipv4.ip_local_port_range": "32768 65535",
        "kernel.pid_max": "65536",
    }


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sysrq": 0}, "'sysrq' is not a kernel parameter"),
        ({"../../etc/passwd": 0}, "'../../etc/passwd' is not a kernel parameter"),
        ({"net.ipv4.ip_forward\nkernel.sysrq": 0}, "is not a kernel parameter"),
        ({"kernel.sysrq": ""}, "kernel.sysrq: '' is not a value"),
        ({"kernel.core_pattern": "# none"}, "kernel.core_pattern: '# none' is not a value"),
    ],
)
def test_what_is_no_parameter_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(KernelError) as caught:
        checked(settings)
    assert said in str(caught.value)
