#!/usr/bin/env bash
# Installs missing packages, builds, and runs all tests. Arguments are passed to `swift test`, for example
# --filter Masking. Tests with real tiles and slides need the environment variable NUCLEI_DATA, the folder of the data,
# and are skipped without it.
# Usage: tools/test.sh [ARGUMENT...]
set -euo pipefail
# Relative paths are those of the caller.
for name in NUCLEI_DATA NUCLEI_DICOM NUCLEI_GOLDEN NUCLEI_PYTHON; do
    [ -z "${!name:-}" ] || export "$name=$(realpath -ms "${!name}")"
done
cd "$(dirname "$0")/.."

tools/setup.sh
swift build -c release --build-tests
swift test -c release --skip-build "$@"
