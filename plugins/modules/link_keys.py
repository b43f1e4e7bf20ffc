#!/usr/bin/python
# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make WireGuard keys on the machine that owns them, and return the public halves."""

from __future__ import annotations

DOCUMENTATION = r"""
module: link_keys
short_description: Make WireGuard keys on the machine that owns them, and return the public halves
version_added: 0.1.0
author:
  - CCPP (@ccpp)
description:
  - Makes the private key of each tunnel that has none. It never leaves the machine; only root reads it.
  - A key is replaced in two steps, so that a run that is cut off between them loses nothing. The next key is
    made first (O(next)); it takes the place of the present one when its public half is the one on file
    (O(wanted)).
options:
  names:
    description: The tunnels, by the name of their interface.
    type: list
    elements: str
    required: true
  wanted:
    description: The public keys on file, in the order of O(names). May be empty, or hold empty ones.
    type: list
    elements: str
    default: []
  next:
    description: Those of the tunnels whose next key is to be made.
    type: list
    elements: str
    default: []
  directory:
    description: Where the private keys lie.
    type: path
    default: /etc/ccpp-backup/links/keys
attributes:
  check_mode:
    description: A key that would be made stands in as 32 bytes of one kind.
    support: full
  diff_mode:
    description: Names the keys that are made or take their place; never shows a private one.
    support: full
requirements:
  - wg (wireguard-tools)
"""

EXAMPLES = r"""
- name: Have the server make its keys
  ccpp.backup.link_keys:
    names: [wg-1, wg-2]
  register: made
"""

RETURN = r"""
keys:
  description: The public keys now, in the order of O(names).
  returned: success
  type: list
  elements: str
  sample: ["/TOE4TKtAqVsePRVR+5AA43HkAK5DSntkOCO7nYq5xU="]
next_keys:
  description: By tunnel, the public half of the next key, where there is one.
  returned: success
  type: dict
  sample: {}
acts:
  description: What was, or in check mode would be, done.
  returned: success
  type: list
  elements: str
  sample: ["make the key of wg-1"]
"""

import os
import re

from ansible.module_utils.basic import AnsibleModule

# In check mode, of keys that are not there yet: base64 of 32 bytes that are no key of anybody.
FORESEEN = "Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0M="
NAME = re.compile(r"wg-[A-Za-z0-9_.-]{1,12}")


class Keys:
    """The keys of one machine."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._directory: str = module.params["directory"]
        self.acts: list[str] = []

    def _path(self, name: str, kind: str) -> str:
        return os.path.join(self._directory, f"{name}.{kind}")

    def _wg(self, *arguments: str, data: str | None = None) -> str:
        code, out, err = self._module.run_command(["wg", *arguments], data=data)
        if code != 0:
            self._module.fail_json(msg=f"wg {arguments[0]}: {' '.join(err.split())}")
        return str(out).strip()

    def _public(self, path: str) -> str | None:
        try:
            with open(path, encoding="ascii") as stream:
                private = stream.read()
        except FileNotFoundError:
            return None
        return self._wg("pubkey", data=private)

    def _make(self, path: str, act: str) -> str:
        self.acts.append(act)
        if self._module.check_mode:
            return FORESEEN
        private = self._wg("genkey")
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        os.chmod(self._directory, 0o700)
        temporary = f"{path}.new"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(private + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        return self._wg("pubkey", data=private)

    def present(self, name: str, wanted: str) -> str:
        """Return the public key of a tunnel, after its next key took its place if that is the one wanted."""
        key, following = self._path(name, "key"), self._path(name, "next")
        public = self._public(key)
        if wanted and public != wanted and self._public(following) == wanted:
            self.acts.append(f"put the next key of {name} in place")
            if not self._module.check_mode:
                os.replace(following, key)
            return wanted
        return public or self._make(key, f"make the key of {name}")

    def following(self, name: str, asked: bool) -> str | None:
        """Return the public half of a tunnel's next key, made if it is asked for."""
        path = self._path(name, "next")
        public = self._public(path)
        return self._make(path, f"make the next key of {name}") if asked and public is None else public


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "wanted": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "next": {"type": "list", "elements": "str", "default": []},
            "directory": {"type": "path", "default": "/etc/ccpp-backup/links/keys"},
        },
        supports_check_mode=True,
    )
    names, wanted = module.params["names"], module.params["wanted"]
    strange = [name for name in names if not NAME.fullmatch(name)]
    if strange:
        module.fail_json(msg=f"names: '{strange[0]}' is no tunnel's interface (wg-...)")
    keys = Keys(module)
    try:
        public = [
            keys.present(name, wanted[number] if number < len(wanted) else "")
            for number, name in enumerate(names)
        ]
        following = {name: keys.following(name, name in module.params["next"]) for name in names}
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}")
    module.exit_json(
        changed=bool(keys.acts),
        keys=public,
        next_keys={name: key for name, key in following.items() if key is not None},
        acts=keys.acts,
        diff={"before": "", "after": "".join(f"{act}\n" for act in keys.acts)},
    )


if __name__ == "__main__":
    main()
