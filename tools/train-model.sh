#!/usr/bin/env bash
# Trains the model that is part of nuclei-mask, models/nuclei-compact.safetensors, on the tiles of a data set whose
# licence allows to share what was learnt from them: groups with a non-commercial licence in sources.csv are left out.
# A run that was stopped is taken up. The run's folder is models/nuclei-compact; its report says how good the model is.
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
        "$train" --resume "$run"
    else
        # An assignment of its own: when the licences cannot be read, nothing is trained.
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
        echo "train-model: ${#excluded[@]} groups are left out because of their licence"
        "$train" "$dataset" --architecture compact --strategy regularized --validation --output "$run" \
            "${excluded[@]}"
    fi
fi
cp "$run/best.safetensors" models/nuclei-compact.safetensors
echo "train-model: models/nuclei-compact.safetensors; build nuclei-mask again to make it part of the program"
