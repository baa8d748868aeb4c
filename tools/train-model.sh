#!/usr/bin/env bash
# Trains the bundled classifier, models/nuclei-compact.safetensors, on the labeled tiles of nuclei_tiles and more_tiles in the
# folder DATA. Rows with a non-commercial license are left out. Some organs, patients and slides are the test. The
# same command resumes an interrupted run. The run folder is models/nuclei-compact; the data set that the model learns,
# data/tiles, has the rows and links to the tiles.
# With a RUN, another run folder, the options go to nuclei-train instead, such as --test-groups 'GTEx*', and the bundled
# model stays.
# Usage: tools/train-model.sh DATA [RUN OPTION...]
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,8s/^# //p' "$0" >&2; exit 64; }
data=$(cd "$1" && pwd)
shift
run=models/nuclei-compact folder=
if [ $# -ge 1 ]; then
    run=$(realpath -m "$1") folder=$PWD
    shift
else
    for group in 'NuInsSeg:human bladder' 'NuInsSeg:human kidney' 'NuInsSeg:mouse spleen' DSB2018:train-HE \
        TCGA:tcga-lung-rgb TCGA:medium-nuclei-score-level0 TCGA:no-tissue-line TCGA:low-nuclei-score-level1 \
        GTEx:GTEX-18A6Q 'GTEx:adipocyte/10240-19456' HistoQC:pen_red HistoQC:template4 deep-histopath:slide-pen \
        mopadi:TCGA-AD-6964 u24_lymphocyte:TCGA-05-4244-val; do
        set -- "$@" --test-groups "$group"
    done
fi
cd "$(dirname "$0")/.."

tools/setup.sh
swift build -c release --product nuclei-train
train=$(swift build -c release --show-bin-path)/nuclei-train
dataset=data/tiles

# Writes data/tiles/labels.csv with every tile to learn.
write_dataset() {
    mkdir -p "$dataset"
    for part in nuclei_tiles more_tiles; do ln -sfn "$data/$part" "$dataset/$part"; done
    python3 - "$dataset" <<'END'
import csv, os, pathlib, sys

folder = pathlib.Path(sys.argv[1])
learned = []
for part in ["nuclei_tiles", "more_tiles"]:
    with open(folder / part / "sources.csv", newline="", encoding="utf-8") as file:
        for tile in csv.DictReader(file):
            if tile["label"] and "-NC" not in tile["licence"]:
                learned.append([f'{part}/{tile["filename"]}', tile["label"], tile["slide_id"]])
temporary = folder / "labels.csv.new"
with open(temporary, "w", newline="", encoding="utf-8") as file:
    csv.writer(file, lineterminator="\n").writerows([["filename", "label", "group"], *learned])
os.replace(temporary, folder / "labels.csv")
print(f"train-model: {len(learned)} tiles in {folder}/labels.csv")
END
}

write_dataset
# Paths in the options of a RUN are relative to the folder of the caller.
[ -z "$folder" ] || { dataset=$PWD/$dataset; cd "$folder"; }
"$train" "$dataset" --architecture compact --mpp 0.25 --continue --output "$run" "$@"
if [ "$run" = models/nuclei-compact ]; then
    cp "$run/best.safetensors" models/nuclei-compact.safetensors
    echo "train-model: wrote models/nuclei-compact.safetensors; rebuild nuclei-mask to bundle it"
fi
