#!/usr/bin/env bash
# Feeds damaged PNG and JPEG images to the C readers, with libFuzzer and the address and undefined behavior sanitizers.
# Ends with the first input that crashes, hangs or leaks; the input stays in .build-fuzz.
# Usage: tools/fuzz.sh [SECONDS]      default: 60
set -euo pipefail
cd "$(dirname "$0")/.."

build=.build-fuzz
mkdir -p "$build/found"
clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -ISources/CImageCodecs/include \
    tools/fuzz/read_image.c Sources/CImageCodecs/*.c -lpng16 -ljpeg -ltiff -o "$build/read_image"
"$build/read_image" -max_total_time="${1:-60}" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
    -artifact_prefix="$build/" "$build/found" tools/fuzz/corpus
