#!/usr/bin/env bash
# Runs all tests with counters in the Swift code, also in the programs that they start, and prints the share of lines and
# of regions that ran, for each module. C code is not counted.
# Usage: tools/coverage.sh [ARGUMENT...]      arguments of swift test, such as --filter ImagingTests
set -euo pipefail
# Relative paths are those of the caller.
for name in NUCLEI_DATA NUCLEI_DICOM NUCLEI_GOLDEN NUCLEI_PYTHON; do
    [ -z "${!name:-}" ] || export "$name=$(realpath -ms "${!name}")"
done
cd "$(dirname "$0")/.."

flags=(--configuration release --scratch-path .build-coverage --enable-code-coverage)
swift build "${flags[@]}" --build-tests
folder=$(swift build "${flags[@]}" --show-bin-path)
rm -rf "$folder/codecov"
# Tests that limit the size of files may fail: the counters are files, too.
swift test "${flags[@]}" --skip-build --disable-xctest "$@" || echo "coverage: tests failed, see above"

# Programs that tests kill leave damaged counters.
tools=$(dirname "$(readlink -f "$(command -v swift)")")
"$tools/llvm-profdata" merge -sparse -failure-mode=all "$folder"/codecov/*.profraw -o "$folder/all.profdata"
objects=()
for program in nuclei-train nuclei-mask kernel-bench; do objects+=(-object "$folder/$program"); done
"$tools/llvm-cov" export -summary-only -instr-profile "$folder/all.profdata" "$folder"/*PackageTests.xctest \
    "${objects[@]}" >"$folder/coverage.json"
python3 - "$folder/coverage.json" "$PWD" <<'END'
import collections, json, pathlib, sys

root = pathlib.Path(sys.argv[2])
kinds = ["lines", "regions"]
sums = collections.defaultdict(lambda: {kind: [0, 0] for kind in kinds})
for file in json.load(open(sys.argv[1]))["data"][0]["files"]:
    path = pathlib.Path(file["filename"])
    if root not in path.parents or path.relative_to(root).parts[0] != "Sources":
        continue
    parts = path.relative_to(root).parts
    for name in ("/".join(parts[:2]), "all"):
        for kind in kinds:
            sums[name][kind][0] += file["summary"][kind]["covered"]
            sums[name][kind][1] += file["summary"][kind]["count"]
print(f"{'':28}" + "".join(f"{kind:>18}" for kind in kinds))
for name in sorted(sums, key=lambda name: (name == "all", name)):
    cells = [f"{100 * a / b:.1f} % of {b}" if b else "-" for a, b in sums[name].values()]
    print(f"{name:28}" + "".join(f"{cell:>18}" for cell in cells))
END
