#!/usr/bin/env bash
# Runs the tests of kernels, images, networks, data sets and masks under the address sanitizer, with C code also under the
# undefined-behaviour sanitizer, which stops the program where it finds something.
# Usage: tools/sanitize.sh [ARGUMENT...]      (arguments of swift test; default: the targets named below)
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- --filter 'TensorsTests|ImagingTests|NeuralNetworksTests|DatasetsTests|MaskingTests'
flags=(--configuration release --scratch-path .build-sanitize --sanitize address
    -Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined)
# Memory that libraries keep until the end of the process is not ours to free.
export ASAN_OPTIONS=detect_leaks=0
swift test "${flags[@]}" --disable-xctest "$@"
