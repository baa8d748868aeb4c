#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests. Arguments go to `swift test`, for example --filter Masking.
# Tests that want real tiles and slides take them from NUCLEI_DATA and skip when there are none.
# Usage: tools/test.sh [ARGUMENT...]
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh
swift build -c release --build-tests
swift test -c release --skip-build "$@"
