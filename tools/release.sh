#!/usr/bin/env bash
# Builds the files of a release from the last commit: Python wheel, archive of programs and libraries, Debian package, source
# archive, and their checksums in SHA256SUMS. The version is the one in Sources/Console/SharedOptions.swift.
# Usage: tools/release.sh [FOLDER]    writes to FOLDER, which is new or empty; dist by default
set -euo pipefail
case "${1:-}" in
    -*) sed -n '2,4s/^# //p' "$0"; exit 64 ;;
esac
output=$(realpath -m "${1:-dist}")
cd "$(dirname "$0")/.."

fail() {
    echo "release: $1" >&2
    exit 1
}
version=$(tools/version.sh)
[ -z "$(git status --porcelain)" ] || fail "expected a clone without changes"
[ -z "$(ls -A "$output" 2>/dev/null)" ] || fail "$output: expected an empty folder"
grep -qx "version: $version" CITATION.cff || fail "CITATION.cff: expected version $version"

mkdir -p "$output"
tools/package-wheel.sh "$output"
tools/package-tarball.sh "$output"/nuclei_hne-*.whl "$output"
tools/package-deb.sh "$output"
git archive --format=tar.gz --prefix="nuclei-$version/" --output="$output/nuclei-$version.tar.gz" HEAD
(cd "$output" && sha256sum -- * >SHA256SUMS && sha256sum --check --quiet SHA256SUMS && ls -l)
