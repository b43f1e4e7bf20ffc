# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work out what one machine must hold for a commune: settings, secrets, folders, repositories."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any
from urllib.parse import quote

from ansible.errors import AnsibleFilterError

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.storage import sizes

CONFIG = "/etc/ccpp-backup"
STORE = "/srv/backup"
SHARES = "/srv/shares"
# Where drills restore to: on the store, which alone has the room.
DRILL = f"{STORE}/drill"
AGENT = "ccpp-backup"
PUSHING = ("linux", "windows")

Mapping = dict[str, Any]


def _location(base_url: str, user: str, password: str, path: str) -> str:
    scheme, _unused, rest = base_url.partition("://")
    return f"rest:{scheme}://{user}:{quote(password, safe='')}@{rest}/{path}/\n"


def _source(name: str, source: Mapping, **places: Any) -> Mapping:
    """Return a source as the agent's configuration spells it, with what differs from machine to machine."""
    common = {name: source[name] for name in ("kind", "exclude", "priority")}
    return {
        **common,
        "paths": source.get("paths", []) if source["kind"] != "smb" else [f"{SHARES}/{name}"],
        "ledger": None,
        "reports": None,
        "shipped": None,
        "report_url": None,
        "upstream": None,
        **places,
    }


def _sources(settings: Mapping, secrets: Mapping) -> tuple[Mapping, Mapping]:
    """Return the sources of the file and those that left it, and the secrets of all of them.

    What left is kept until its retention ends, so that both servers go on looking after it.
    """
    former = secrets.get("former", {})
    retired = {"kind": "retired", "exclude": [], "priority": 9}
    return {**settings["sources"], **dict.fromkeys(former, retired)}, {**secrets["sources"], **former}


def _share(slug: str, name: str, source: Mapping) -> Mapping:
    """Return a share as the role ccpp.backup.shares mounts it."""
    credentials = f"{CONFIG}/secrets/{slug}/{name}.smb"
    return {
        "name": name,
        "share": source["share"],
        "path": f"{SHARES}/{name}",
        "credentials": credentials,
    }


def _account(slug: str, name: str, secrets: Mapping) -> str:
    """Return a share's account as mount.cifs reads it from a file. A person put it into the vault."""
    lines = ""
    for field in ("username", "password", "domain"):
        value = secrets.get(f"smb_{field}")
        if value is None and field == "domain":
            continue
        if not isinstance(value, str) or not value or not value.isprintable():
            raise AnsibleFilterError(
                f"commune_part: commune {slug}: sources.{name}.smb_{field}: the share's account is not known;"
                f" write smb_username and smb_password there with ansible-vault edit, each on one line"
            )
        lines += f"{field}={value}\n"
    return lines


def _config(settings: Mapping, sources: Mapping) -> Mapping:
    config = {name: settings[name] for name in ("name", "tier", "opening", "policy", "contacts")}
    config["term"] = {
        "start": settings["contract"]["start"],
        "end": settings["contract"]["end"],
        "server_end": settings["server"]["life_end"],
    }
    text = json.dumps(
        {"commune": settings["slug"], **config, "sources": sources}, indent=2, ensure_ascii=False
    )
    return {
        "path": f"{CONFIG}/communes",
        "directory_mode": "0755",
        "files": {f"{settings['slug']}.json": text + "\n"},
    }


def _secrets(slug: str, owner: str, files: Mapping) -> Mapping:
    return {
        "path": f"{CONFIG}/secrets/{slug}",
        "owner": owner,
        "group": owner,
        "mode": "0600",
        "directory_mode": "0700",
        "exclusive": "*",
        "files": files,
    }


def _folder(path: str, owner: str, group: str, mode: str) -> Mapping:
    return {"path": path, "owner": owner, "group": group, "directory_mode": mode}


def commune_places(
    settings: Mapping, site: str, terabyte: int = sizes.TERABYTE, former: Collection[str] = ()
) -> list[Mapping]:
    """Return the room that a commune's repositories have on a server, as the module store_place takes it.

    At C(local) the repositories share the tier, and one of several may not fill it all; at C(remote) the tier
    is the commune's as a whole. C(former) are sources that left the file, and still have data. Raises
    AnsibleFilterError for another site.
    """
    tier, sources = settings["tier"], settings["sources"]
    limit = sizes.tier_bytes(tier, terabyte)
    if site == "local":
        place, part = f"{STORE}/repositories", {"limit": sizes.source_limit(tier, len(sources), terabyte)}
    elif site == "remote":
        place, part = f"{STORE}/{settings['slug']}", {}
    else:
        raise AnsibleFilterError(
            f"commune_places: '{site}' has no room for repositories (use local or remote)"
        )
    return [
        {
            "path": place,
            "limit": limit,
            "parts": [{"path": f"{place}/{name}", **part} for name in sorted({*sources, *former})],
        }
    ]


def _local(settings: Mapping, secrets: Mapping, terabyte: int) -> Mapping:
    secret_folder = f"{CONFIG}/secrets/{settings['slug']}"
    sources: Mapping = {}
    files: Mapping = {}
    repositories = []
    pushing = sorted(name for name, source in settings["sources"].items() if source["kind"] in PUSHING)
    named, known = _sources(settings, secrets)
    for name, source in named.items():
        keys = ["replica", "client"] if name in pushing else ["replica"]
        for key in ["server", *keys]:
            files[f"{name}.{key}.password"] = known[name][f"{key}_password"] + "\n"
        if source["kind"] == "smb":
            files[f"{name}.smb"] = _account(settings["slug"], name, known[name])
        location = f"{STORE}/repositories/{name}"
        ledger = f"{STORE}/ledgers/{name}.jsonl"
        password_file = f"{secret_folder}/{name}.server.password"
        sources[name] = _source(
            name,
            source,
            repository={"location": location, "password_file": password_file, "cacert": None},
            ledger=ledger,
            reports=f"{STORE}/reports/{name}" if name in pushing else None,
            shipped=f"{STORE}/shipped/{name}.jsonl",
        )
        repositories.append(
            {
                "location": location,
                "password_file": password_file,
                "ledger": ledger,
                "owner": "ccpp-rest",
                "keys": [
                    {"name": key, "password_file": f"{secret_folder}/{name}.{key}.password"} for key in keys
                ],
            }
        )
    return {
        "config": _config(settings, sources),
        "secrets": _secrets(settings["slug"], AGENT, files),
        "folders": [
            _folder(STORE, "root", "root", "0755"),
            _folder(f"{STORE}/repositories", "ccpp-rest", "ccpp-rest", "0751"),
            # nginx shows the ledgers to REMOTE, and takes REMOTE's own and the workstations' reports.
            _folder(f"{STORE}/ledgers", AGENT, "www-data", "2750"),
            _folder(f"{STORE}/shipped", "www-data", AGENT, "2770"),
            _folder(f"{STORE}/reports", "root", "root", "0755"),
            _folder(f"{STORE}/quarantine", AGENT, AGENT, "0700"),
            *(_folder(f"{STORE}/reports/{name}", "www-data", AGENT, "2770") for name in pushing),
            _folder(f"{STORE}/undo", AGENT, AGENT, "0750"),
            _folder(DRILL, AGENT, AGENT, "0700"),
        ],
        "places": commune_places(settings, "local", terabyte, secrets.get("former", {})),
        "shares": [
            _share(settings["slug"], name, source)
            for name, source in settings["sources"].items()
            if source["kind"] == "smb"
        ],
        "max_size": sizes.receive_limit(settings["tier"], terabyte),
        "repositories": repositories,
        "users": {name: secrets["sources"][name]["http_hash"] for name in pushing},
        "readers": {"replica": secrets["replica"]["http_hash"]},
    }


def _remote(settings: Mapping, secrets: Mapping, base_url: str, terabyte: int) -> Mapping:
    slug = settings["slug"]
    secret_folder = f"{CONFIG}/secrets/{slug}"
    sources: Mapping = {}
    files: Mapping = {}
    repositories = []
    named, known = _sources(settings, secrets)
    for name, source in named.items():
        mine = known[name]
        files[f"{name}.password"] = mine["remote_password"] + "\n"
        files[f"{name}.upstream.password"] = mine["replica_password"] + "\n"
        files[f"{name}.upstream.location"] = _location(
            base_url, "replica", secrets["replica"]["http_password"], f"replica/{name}"
        )
        location = f"{STORE}/{slug}/{name}"
        ledger = f"{STORE}/ledgers/{slug}/{name}.jsonl"
        password_file = f"{secret_folder}/{name}.password"
        upstream = {
            "location_file": f"{secret_folder}/{name}.upstream.location",
            "password_file": f"{secret_folder}/{name}.upstream.password",
            "cacert": f"{CONFIG}/ca.pem",
        }
        sources[name] = _source(
            name,
            source,
            repository={"location": location, "password_file": password_file, "cacert": None},
            ledger=ledger,
            upstream={
                **upstream,
                "ledger_url": f"{base_url}/ledgers/{name}.jsonl",
                "ship_url": f"{base_url}/shipped/{name}.jsonl",
            },
        )
        repositories.append(
            {
                "location": location,
                "password_file": password_file,
                "ledger": ledger,
                "owner": AGENT,
                "directory_mode": "0700",
                "config_mode": "0400",
                "chunker_from": upstream,
            }
        )
    return {
        "config": _config(settings, sources),
        "secrets": _secrets(slug, AGENT, files),
        "folders": [
            _folder(STORE, "root", "root", "0755"),
            _folder(f"{STORE}/{slug}", AGENT, AGENT, "0700"),
            _folder(f"{STORE}/ledgers", AGENT, AGENT, "0750"),
            _folder(f"{STORE}/ledgers/{slug}", AGENT, AGENT, "0750"),
            _folder(f"{STORE}/undo", AGENT, AGENT, "0750"),
            _folder(DRILL, AGENT, AGENT, "0700"),
        ],
        "places": commune_places(settings, "remote", terabyte, secrets.get("former", {})),
        "repositories": repositories,
    }


def _workstation(settings: Mapping, secrets: Mapping, base_url: str, name: str) -> Mapping:
    secret_folder = f"{CONFIG}/secrets/{settings['slug']}"
    mine = secrets["sources"][name]
    source = _source(
        name,
        settings["sources"][name],
        repository={
            "location_file": f"{secret_folder}/{name}.location",
            "password_file": f"{secret_folder}/{name}.password",
            "cacert": f"{CONFIG}/ca.pem",
        },
        report_url=f"{base_url}/reports/{name}/",
    )
    files = {
        f"{name}.password": mine["client_password"] + "\n",
        f"{name}.location": _location(base_url, name, mine["http_password"], name),
    }
    return {"config": _config(settings, {name: source}), "secrets": _secrets(settings["slug"], "root", files)}


def commune_part(
    settings: Mapping,
    secrets: Mapping,
    site: str,
    base_url: str = "",
    source: str = "",
    terabyte: int = sizes.TERABYTE,
) -> Mapping:
    """Return what the machine at C(site) must hold for a commune.

    C(settings) is the commune's validated file as the inventory gives it, C(secrets) what
    C(ccpp.backup.commune_secrets) returned, C(base_url) the address (C(https://host:port)) of the LOCAL
    server's repositories as seen from that machine, C(source) the workstation's own source, C(terabyte) the
    bytes of one terabyte of its tier. A machine is told no secret that it has no use for.

    Raises AnsibleFilterError for an unknown site, and for settings and secrets that do not fit together.
    """
    try:
        if site == "local":
            return _local(settings, secrets, terabyte)
        if site == "remote":
            return _remote(settings, secrets, base_url, terabyte)
        if site == "workstation":
            return _workstation(settings, secrets, base_url, source)
    except KeyError as error:
        raise AnsibleFilterError(
            f"commune_part: commune {settings.get('slug')}: {error} is missing"
        ) from error
    raise AnsibleFilterError(f"commune_part: '{site}' is not a site (use local, remote or workstation)")


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Any]:
        return {"commune_part": commune_part, "commune_places": commune_places}
