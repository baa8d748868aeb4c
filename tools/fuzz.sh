#!/usr/bin/env bash
# Feeds damaged files to the readers, with libFuzzer and the address sanitizer, which also finds leaks: images to the
# C readers, with the undefined behavior sanitizer too; models, labels, outlines, directories of slides, DICOM files, the
# names of programs in images, caches of windows and nuclei, records, checkpoints, lists, and the tables and outlines of
# pages to the Swift readers. Ends with the first input that crashes, hangs or leaks; the input stays in .build-fuzz.
# Usage: tools/fuzz.sh [SECONDS [TARGET...]]      default: 60 seconds in all, half of them for images; all targets
set -euo pipefail
cd "$(dirname "$0")/.."

build=.build-fuzz
seconds=${1:-60}
shift $(($# > 0))
[ $# -gt 0 ] || set -- image model labels outlines tiff dicom software windows nuclei run checkpoint record list \
    table shapes
mkdir -p "$build"
limits=(-timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1)

# The linker of the toolchain: gold stops with an error of its own.
clang -g -O1 -fuse-ld=lld -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
    -ISources/CImageCodecs/include $(pkg-config --cflags libopenjp2) tools/fuzz/read_image.c Sources/CImageCodecs/*.c \
    -lpng16 -ljpeg -lopenjp2 -ltiff -lz -lm \
    -o "$build/read_image"
flags=(--configuration release --scratch-path "$build/swift" --product fuzz-readers --sanitize address
    -Xswiftc -sanitize=fuzzer -Xcc -fsanitize=fuzzer-no-link)
export NUCLEI_FUZZ=1
swift build "${flags[@]}"
readers=$(swift build "${flags[@]}" --show-bin-path)/fuzz-readers

# Images get half of the time, and the other targets share the other half.
others=$#
case " $* " in *" image "*) others=$(($# - 1)) ;; esac
[ "$others" -eq 0 ] || [ "$others" -eq $# ] || seconds=$((seconds / 2))

for target in "$@"; do
    echo "fuzz: $target"
    mkdir -p "$build/found/$target"
    if [ "$target" = image ]; then
        fuzzer=("$build/read_image") share=$seconds
    else
        fuzzer=("$readers" "$target") share=$((seconds / others))
    fi
    "${fuzzer[@]}" -max_total_time=$((share > 0 ? share : 1)) "${limits[@]}" -artifact_prefix="$build/$target-" \
        "$build/found/$target" "tools/fuzz/corpus/$target" >"$build/$target.log" 2>&1 || {
        cat "$build/$target.log" >&2
        exit 1
    }
    grep -E '^stat::number_of_executed_units|^Done' "$build/$target.log"
done
