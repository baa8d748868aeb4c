#!/usr/bin/env bash
# Runs the tests of kernels, images, networks, data sets and masks with the address sanitizer, and C code also with the
# undefined behavior sanitizer, which traps at the first error.
# Usage: tools/sanitize.sh [ARGUMENT...]      arguments of swift test (default: the test targets that Package.swift names)
set -euo pipefail
# Relative paths are those of the caller.
for name in NUCLEI_DATA NUCLEI_DICOM NUCLEI_GOLDEN NUCLEI_PYTHON; do
    [ -z "${!name:-}" ] || export "$name=$(realpath -ms "${!name}")"
done
cd "$(dirname "$0")/.."

# Without arguments, only the targets that are tested are built.
[ $# -gt 0 ] || export NUCLEI_SANITIZE=1
flags=(--configuration release --scratch-path .build-sanitize --sanitize address
    -Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined)
# Libraries keep some memory until the process ends.
export ASAN_OPTIONS=detect_leaks=0
swift test "${flags[@]}" --disable-xctest "$@"
