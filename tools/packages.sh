#!/bin/sh
# Sees to it that the Debian packages of some parts of packages.txt are there.
#
#   packages.sh check PART…      says which are missing, and the command that installs them; exit 1
#   packages.sh install PART…    installs what is missing when run by root, else as check
#   packages.sh list PART…       prints the names
#
# Where there is no dpkg the build itself has to say what it lacks.
set -eu

list=$(dirname "$0")/../packages.txt
mode=$1
shift

names() {
    for part in "$@"; do
        awk -v part="$part" '!/^#/ && $2 == part { print $1 }' "$list"
    done
}

if [ "$mode" = list ]; then
    names "$@"
    exit 0
fi
command -v dpkg-query >/dev/null 2>&1 || exit 0

missing=
for name in $(names "$@"); do
    case $(dpkg-query -W -f '${Status}' "$name" 2>/dev/null || :) in
    *' installed') ;;
    *) missing="$missing $name" ;;
    esac
done
[ -n "$missing" ] || exit 0

if [ "$mode" = install ] && [ "$(id -u)" = 0 ]; then
    echo "installing:$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    # Lists that are fresh enough are used as they are; stale or absent ones are fetched.
    apt-get install -y -q --no-install-recommends $missing </dev/null >&2 ||
        { apt-get update -q </dev/null >&2 &&
          apt-get install -y -q --no-install-recommends $missing </dev/null >&2; }
    exit
fi
echo "Debian packages are missing. As root:" >&2
echo "    apt-get update && apt-get install --no-install-recommends$missing" >&2
exit 1
