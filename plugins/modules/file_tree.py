#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write trees of small text files in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: file_tree
short_description: Write trees of small text files in one call
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - Makes each tree hold exactly the given files, with their content, owner, group and mode.
  - One call replaces a loop of M(ansible.builtin.copy) and M(ansible.builtin.file) tasks, each of which costs
    a round trip per file on every run.
  - A tree whose files are validated is written beside its place first, and takes its place only when the
    validating command accepts it.
options:
  trees:
    description: The trees, written in this order.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: The root of the tree. Made when missing, with its parents.
        type: path
        required: true
      files:
        description: Content by relative path. Folders between the root and a file are made as needed.
        type: dict
        default: {}
      owner:
        description: Owner of the root when it is made or managed, and of every file.
        type: str
        default: root
      group:
        description: Group of the same.
        type: str
        default: root
      mode:
        description: Octal mode of every file.
        type: str
        default: "0644"
      directory_mode:
        description:
          - Octal mode of the root and of every folder made below it.
          - Leave it out for a root that belongs to the system, such as C(/etc/systemd/system); its owner and
            mode are then left alone.
        type: str
      exclusive:
        description:
          - A shell pattern; files directly in the root, or in a folder below it, whose name matches it and
            that O(trees[].files) does not list are removed.
        type: str
      validate:
        description:
          - Command that must accept the files before they replace the old ones. C(%s) stands for the folder
            they are staged in, C(%f) for the path of every file in it.
          - Not run in check mode, because what it needs may not be installed yet.
        type: str
attributes:
  check_mode:
    description: Predicts every change, also for owners and folders that do not exist yet.
    support: full
  diff_mode:
    description: Shows every file that changes. Set C(no_log) on a task that writes secrets.
    support: full
"""

EXAMPLES = r"""
- name: Write the configuration of one commune
  ccpp.backup.file_tree:
    trees:
      - path: /etc/ccpp-backup/communes
        directory_mode: "0755"
        exclusive: "*.json"
        files:
          saint-exemple.json: "{{ settings | to_nice_json }}"
"""

RETURN = r"""
changed_paths:
  description: Paths of the files and folders that were, or in check mode would be, made, altered or removed.
  returned: always
  type: list
  elements: str
  sample: ["/etc/ccpp-backup/communes/saint-exemple.json"]
"""

import fnmatch
import grp
import os
import pwd
import shlex
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule

TREE_SPEC: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "files": {"type": "dict", "default": {}},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str", "default": "0644"},
    "directory_mode": {"type": "str"},
    "exclusive": {"type": "str"},
    "validate": {"type": "str"},
}


class TreeError(Exception):
    """A tree that cannot be written; the message is for a person."""


def octal(text: str, path: str) -> int:
    """Return the mode that C(text) spells in octal."""
    try:
        return int(text, 8)
    except ValueError:
        raise TreeError(f"{path}: '{text}' is not an octal mode (write it like '0644', quoted)") from None


def read_text(path: str) -> str | None:
    """Return the content of a regular file, or None when there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


class Tree:
    """One tree: works out what differs, and brings it in line unless only asked to predict."""

    def __init__(self, spec: dict[str, Any], check: bool) -> None:
        self.root: str = spec["path"]
        self.check = check
        self.mode = octal(spec["mode"], self.root)
        self.directory_mode = octal(spec["directory_mode"], self.root) if spec["directory_mode"] else None
        self.uid = self._id(spec["owner"], "user", lambda name: pwd.getpwnam(name).pw_uid)
        self.gid = self._id(spec["group"], "group", lambda name: grp.getgrnam(name).gr_gid)
        self.exclusive: str | None = spec["exclusive"]
        self.validate: str | None = spec["validate"]
        self.files = {self._relative(name): str(content) for name, content in spec["files"].items()}
        self.changed: list[str] = []
        self.diff: list[dict[str, str]] = []

    def _id(self, name: str, what: str, look_up: Callable[[str], int]) -> int | None:
        try:
            return look_up(name)
        except KeyError:
            if self.check:  # an earlier task would have made it
                return None
            raise TreeError(f"{self.root}: there is no {what} '{name}' on this machine") from None

    def _relative(self, name: str) -> str:
        clean = os.path.normpath(name)
        if os.path.isabs(name) or clean.startswith("..") or clean == ".":
            raise TreeError(f"{self.root}: '{name}' must be a path below the root")
        return clean

    def apply(self, run: Callable[[list[str]], tuple[int, str, str]]) -> None:
        """Bring the tree in line; C(run) executes the validating command."""
        altered = {name: text for name, text in self.files.items() if self._text_differs(name, text)}
        if altered and self.validate is not None and not self.check:
            self._validate(self.validate, run)
        self._folder(self.root)
        for name in self.files:
            for folder in self._folders_above(name):
                self._folder(folder)
            self._file(os.path.join(self.root, name), altered.get(name))
        for path in list(self._strangers()):
            self._remove(path)

    def _text_differs(self, name: str, text: str) -> bool:
        before = read_text(os.path.join(self.root, name))
        if before == text:
            return False
        path = os.path.join(self.root, name)
        self.diff.append({"before_header": path, "after_header": path, "before": before or "", "after": text})
        return True

    def _validate(self, command: str, run: Callable[[list[str]], tuple[int, str, str]]) -> None:
        staging = tempfile.mkdtemp(prefix="file_tree-")
        try:
            paths = []
            for name, text in self.files.items():
                path = os.path.join(staging, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                self._write(path, text, self.mode, None, None)
                paths.append(path)
            argv: list[str] = []
            for word in shlex.split(command):
                argv.extend(paths if word == "%f" else [word.replace("%s", staging)])
            code, out, err = run(argv)
            if code != 0:
                said = " ".join((err or out).replace(staging, self.root).split())
                raise TreeError(f"{self.root}: refused by '{command}', nothing was replaced: {said}")
        finally:
            shutil.rmtree(staging)

    def _folders_above(self, name: str) -> Iterator[str]:
        parts = name.split(os.sep)[:-1]
        for depth in range(len(parts)):
            yield os.path.join(self.root, *parts[: depth + 1])

    def _folder(self, path: str) -> None:
        if not os.path.isdir(path):
            self._mark(path)
            if self.check:
                return
            os.makedirs(path, mode=0o755)
            if self.directory_mode is None:
                return
        if self.directory_mode is not None:
            self._attributes(path, self.directory_mode)

    def _file(self, path: str, altered: str | None) -> None:
        if altered is None:
            self._attributes(path, self.mode)
            return
        self._mark(path)
        if not self.check:
            self._write(path, altered, self.mode, self.uid, self.gid)

    def _write(self, path: str, text: str, mode: int, uid: int | None, gid: int | None) -> None:
        # A temporary name in the same folder, so that a reader sees the old file or the new one.
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".file_tree-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
                stream.write(text)
                stream.flush()
                if uid is not None and gid is not None:
                    os.fchown(stream.fileno(), uid, gid)
                os.fchmod(stream.fileno(), mode)
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise

    def _attributes(self, path: str, mode: int) -> None:
        status = os.stat(path)
        if self.uid is None or self.gid is None or (status.st_uid, status.st_gid) != (self.uid, self.gid):
            self._mark(path)
            if not self.check and self.uid is not None and self.gid is not None:
                os.chown(path, self.uid, self.gid)
        if stat.S_IMODE(os.stat(path).st_mode) != mode:
            self._mark(path)
            if not self.check:
                os.chmod(path, mode)

    def _strangers(self) -> Iterator[str]:
        if self.exclusive is None:
            return
        for folder, folders, names in os.walk(self.root):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if (
                    fnmatch.fnmatch(name, self.exclusive)
                    and os.path.relpath(path, self.root) not in self.files
                ):
                    yield path

    def _remove(self, path: str) -> None:
        self._mark(path)
        self.diff.append(
            {"before_header": path, "after_header": path, "before": read_text(path) or "", "after": ""}
        )
        if not self.check:
            os.unlink(path)

    def _mark(self, path: str) -> None:
        if path not in self.changed:
            self.changed.append(path)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "trees": {"type": "list", "elements": "dict", "required": True, "options": TREE_SPEC},
        },
        supports_check_mode=True,
    )
    # Folders on the way have the mode that is written here, whatever the caller's umask is.
    os.umask(0o022)
    changed: list[str] = []
    diff: list[dict[str, str]] = []
    try:
        for spec in module.params["trees"]:
            tree = Tree(spec, module.check_mode)
            tree.apply(module.run_command)
            changed.extend(tree.changed)
            diff.extend(tree.diff)
    except (TreeError, OSError) as error:
        module.fail_json(msg=str(error), changed_paths=changed)
    module.exit_json(changed=bool(changed), changed_paths=changed, diff=diff)


if __name__ == "__main__":
    main()
