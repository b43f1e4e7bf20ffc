# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Sourced by the scripts beside it: which files make up the tree.

# Tracked or about to be, as they are now: a file written a minute ago is checked before it is committed.
tree_files() {
    local file
    git ls-files -z --cached --others --exclude-standard -- "$@" | sort --zero-terminated --unique |
        while IFS= read -r -d '' file; do
            if [[ -e $file || -L $file ]]; then printf '%s\0' "$file"; fi
        done
}

# A copy of the tree in folder $1, without what git ignores and without the links under collections/.
export_tree() {
    mkdir -p "$1"
    tree_files . ':!collections' | tar --null --files-from=- --create --file=- | tar --extract --file=- --directory="$1"
}
