# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets as a playbook gets them: made once, kept encrypted, never shown."""

from __future__ import annotations

import json
import stat

import bcrypt
import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

# Every host of the commune asks at once. What it got goes into one file per host, for the tests alone.
PLAY = """\
- hosts: commune_saint_exemple
  gather_facts: false
  tasks:
    - ccpp.backup.commune_secrets:
        commune: "{{ slug | default(commune_slug) }}"
        sources: "{{ sources | default(commune_settings.sources | list) }}"
        directory: "{{ directory | default(omit) }}"
      register: ours
    - ansible.builtin.copy:
        content: "{{ ours.secrets | to_json }}"
        dest: "{{ playbook_dir }}/got.{{ inventory_hostname }}"
      delegate_to: localhost
      vars: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
      check_mode: false
      diff: false
- hosts: localhost
  gather_facts: false
  connection: local
  tasks:
    - ccpp.backup.commune_secrets: {service: true}
      register: services
    - ansible.builtin.assert: {that: services.secrets.ca_passphrase | length >= 43}
"""


@pytest.fixture
def playing(checkout):
    (checkout.path / "play.yml").write_text(PLAY)
    (checkout.path / "password").write_text("correct horse\n")

    def play(*arguments, password="password", **variables):
        given = ["--vault-password-file", password] if password else []
        settings = {name: variables.pop(name) for name in list(variables) if name.startswith("ANSIBLE_")}
        extra = [word for name, value in variables.items() for word in ("-e", json.dumps({name: value}))]
        return checkout.run("playbook", "play.yml", *given, *arguments, *extra, **settings)

    return play


def _got(checkout, host="saint-exemple-local"):
    return json.loads((checkout.path / f"got.{host}").read_text())


def _opened(file):
    vault = VaultLib([("default", VaultSecret(b"correct horse"))])
    return vault.decrypt(file.read_bytes()).decode()


def test_secrets_are_made_once_kept_encrypted_and_never_shown(checkout, playing):
    first = playing("-vvvv")
    assert first.returncode == 0, first.stdout + first.stderr
    ours = _got(checkout)
    assert _got(checkout, "saint-exemple-accueil") == ours

    source, replica = ours["sources"]["accueil"], ours["replica"]
    secrets = [*source.values(), *replica.values()]
    for secret in secrets:
        assert secret not in first.stdout + first.stderr
    for user in (source, replica):
        assert bcrypt.checkpw(user["http_password"].encode(), user["http_hash"].encode())

    kept = checkout.path / "secrets/saint-exemple.yml"
    assert kept.read_bytes().startswith(b"$ANSIBLE_VAULT;1.1;AES256\n")
    assert all(secret in _opened(kept) for secret in secrets)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert sorted(p.name for p in kept.parent.iterdir()) == ["saint-exemple.yml", "service.yml"]

    before = kept.read_bytes()
    second = playing()
    assert "changed=0" in second.stdout.split("localhost")[-1]
    assert _got(checkout) == ours
    assert kept.read_bytes() == before


def test_check_mode_says_changed_and_saves_nothing(checkout, playing):
    done = playing("--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed: [saint-exemple-local]" in done.stdout
    assert not (checkout.path / "secrets").exists()
    assert set(_got(checkout)) == {"sources", "former", "replica"}


def test_a_source_that_left_keeps_its_secrets_and_one_that_came_gets_its_own(checkout, playing):
    directory = str(checkout.path / "elsewhere")
    playing(sources=["accueil", "compta"], directory=directory)
    first = _got(checkout)
    playing(sources=["accueil", "mairie"], directory=directory)
    second = _got(checkout)
    assert set(second["sources"]) == {"accueil", "mairie"}
    assert second["sources"]["accueil"] == first["sources"]["accueil"]
    assert first["sources"]["compta"]["remote_password"] in _opened(
        checkout.path / "elsewhere/saint-exemple.yml"
    )
    assert not (checkout.path / "secrets/saint-exemple.yml").exists()


def test_the_variable_secrets_directory_names_the_folder(checkout, playing):
    playing(secrets_directory=str(checkout.path / "by-variable"))
    assert (checkout.path / "by-variable/saint-exemple.yml").exists()


def test_a_vault_id_is_written_into_the_file(checkout, playing):
    done = playing("--vault-id", "ccpp@password", password=None)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        (checkout.path / "secrets/saint-exemple.yml")
        .read_bytes()
        .startswith(b"$ANSIBLE_VAULT;1.2;AES256;ccpp\n")
    )


def _fails(done, said):
    assert done.returncode == 2
    lines = [line for line in (done.stdout + done.stderr).splitlines() if "commune_secrets: " in line]
    assert said in lines[0], lines
    assert "Traceback" not in done.stderr + done.stdout


# Enabled in the place of ours; Ansible takes no empty list here.
OTHERS = "ansible.posix.timer"
MISSING = (
    "[ERROR]: no vault password in this run, and the playbook needs one; "
    "give one with --vault-password-file FILE or ANSIBLE_VAULT_PASSWORD_FILE\n"
)


def test_without_a_vault_password_one_line_ends_the_run_before_its_first_task(checkout, playing):
    done = playing(password=None)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", MISSING)
    assert not (checkout.path / "secrets").exists()


@pytest.mark.parametrize("playbook", ["site", "onboard"])
def test_the_playbooks_of_the_collection_need_a_vault_password(checkout, playbook):
    done = checkout.run("playbook", f"ccpp.backup.{playbook}", "-e", "commune=saint-exemple")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", MISSING)


def test_a_playbook_that_reads_no_secrets_needs_no_vault_password(checkout):
    (checkout.path / "play.yml").write_text("- {hosts: remote, tasks: [{ansible.builtin.meta: noop}]}\n")
    assert checkout.run("playbook", "play.yml").returncode == 0


def test_without_a_vault_password_nothing_is_made(checkout, playing):
    """Also where the settings do not enable what ends the run early."""
    _fails(
        playing(password=None, ANSIBLE_CALLBACKS_ENABLED=OTHERS),
        "no vault password in this run to keep new secrets encrypted; give one with --vau",
    )
    assert not (checkout.path / "secrets").exists()


def test_the_wrong_vault_password_changes_nothing(checkout, playing):
    playing()
    kept = checkout.path / "secrets/saint-exemple.yml"
    before = kept.read_bytes()
    (checkout.path / "other").write_text("wrong\n")
    _fails(
        playing(password="other"),
        "saint-exemple.yml: this run's vault password does not open it; give one with",
    )
    _fails(
        playing(password=None, ANSIBLE_CALLBACKS_ENABLED=OTHERS),
        "saint-exemple.yml: no vault password in this run; give one with",
    )
    assert kept.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"sources: {}\n", "the file is not encrypted; encrypt it with `ansible-vault encrypt`"),
        (b"", "the file is not encrypted"),
        (b"$ANSIBLE_VAULT;1.1;AES256\nnonsense\n", "this run's vault password does not open it"),
    ],
)
def test_a_damaged_file_is_refused_and_left_as_it_is(checkout, playing, content, said):
    kept = checkout.path / "secrets/saint-exemple.yml"
    kept.parent.mkdir()
    kept.write_bytes(content)
    _fails(playing(), said)
    assert kept.read_bytes() == content


@pytest.mark.parametrize("slug", ["../../etc/passwd", "Saint Exemple", ""])
def test_a_slug_that_cannot_be_is_refused(playing, checkout, slug):
    _fails(
        playing(slug=slug),
        "is not the short name of a commune" if slug else "say either `commune: <slug>` or",
    )
    assert not (checkout.path / "secrets").exists()
