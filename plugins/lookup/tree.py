# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a folder of text files into one mapping."""

from __future__ import annotations

DOCUMENTATION = r"""
name: tree
short_description: Read a folder of text files into one mapping
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - Returns, for each folder, the content of its files by their path relative to it, subfolders included.
  - Made to hand a whole tree to M(ccpp.backup.file_tree) in one call.
options:
  _terms:
    description: Paths of the folders on the controller.
    type: list
    elements: path
    required: true
  pattern:
    description: Shell pattern that a file's name must match.
    type: str
    default: "*"
"""

EXAMPLES = r"""
- name: Show the files of the core
  ansible.builtin.debug:
    msg: "{{ lookup('ccpp.backup.tree', 'plugins/module_utils/backup_core', pattern='*.py') | list }}"
"""

RETURN = r"""
_raw:
  description: One mapping of relative path to content for each folder.
  type: list
  elements: dict
"""

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    """See C(DOCUMENTATION)."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[dict[str, str]]:
        self.set_options(var_options=variables, direct=kwargs)
        pattern = self.get_option("pattern")
        trees = []
        for term in terms:
            root = Path(term)
            if not root.is_dir():
                raise AnsibleLookupError(f"{term}: is not a folder on the controller")
            trees.append(
                {
                    path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
                    for path in sorted(root.rglob(pattern))
                    if path.is_file()
                }
            )
        return trees
