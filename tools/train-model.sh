#!/usr/bin/env bash
# Trains the bundled classifier, models/nuclei-compact.safetensors, on the tiles of a data set whose license permits sharing
# the model: groups with a non-commercial license in sources.csv are excluded. An interrupted run is resumed. The run
# folder is models/nuclei-compact; its report has the scores.
# Usage: tools/train-model.sh DATASET
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 64; }
dataset=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

tools/setup.sh
swift build -c release --product nuclei-train
train=$(swift build -c release --show-bin-path)/nuclei-train
run=models/nuclei-compact

if [ ! -e "$run/report.html" ]; then
    if [ -e "$run/run.json" ]; then
        "$train" resume "$run"
    else
        # A separate assignment, so that the script stops when sources.csv cannot be read.
        list=$(
            python3 - "$dataset/sources.csv" <<'END'
import csv, re, sys
with open(sys.argv[1], newline="", encoding="utf-8") as file:
    groups = {row["slide_id"] for row in csv.DictReader(file) if "-NC" in row["licence"]}
for group in sorted(groups):
    print("--exclude-groups=" + re.sub(r"([][*?\\])", r"\\\1", group))
END
        )
        excluded=()
        [ -z "$list" ] || mapfile -t excluded <<<"$list"
        echo "train-model: excluded ${#excluded[@]} groups because of their license"
        "$train" "$dataset" --architecture compact --output "$run" \
            "${excluded[@]}"
    fi
fi
cp "$run/best.safetensors" models/nuclei-compact.safetensors
echo "train-model: wrote models/nuclei-compact.safetensors; rebuild nuclei-mask to bundle it"
