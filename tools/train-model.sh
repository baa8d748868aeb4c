#!/usr/bin/env bash
# Trains the bundled model, models/nuclei-compact.safetensors, on nuclei_images, nuclei_tiles and more_tiles in the folder
# DATA: whole images with outlines, and tiles of other images. Rows with a non-commercial license are left out. An
# interrupted run is resumed. The run folder is models/nuclei-compact; its report has the scores. The data set that the
# model learns, data/bundled, has the rows and links to the images.
# Usage: tools/train-model.sh DATA
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 64; }
data=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

tools/setup.sh
swift build -c release --product nuclei-train
train=$(swift build -c release --show-bin-path)/nuclei-train
run=models/nuclei-compact
dataset=data/bundled

# Writes data/bundled/labels.csv: filename, label, group, mpp and mask of every image and tile to learn.
write_dataset() {
    mkdir -p "$dataset"
    for part in nuclei_images nuclei_tiles more_tiles; do ln -sfn "$data/$part" "$dataset/$part"; done
    python3 - "$dataset" <<'END'
import csv, os, pathlib, sys

folder = pathlib.Path(sys.argv[1])
# Microns per pixel of the files that tiles were cut from, where they are known.
known = {"NuInsSeg": 0.25, "GTEx adipose (Glastonbury)": 0.5, "TCGA tiles of u24_lymphocyte": 0.5,
         "TCGA tiles of mopadi": 0.5, "HGSC regions shipped with histolytics": 0.45}

def rows(name):
    with open(folder / name, newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if "-NC" not in row["licence"]]

def numeric(text):
    return text.split()[0] if text[:1].isdigit() else ""

learned, whole = [], set()
for image in rows("nuclei_images/images.csv"):
    name = image["filename"]
    source = pathlib.Path(image["source_file"])
    whole |= {str(source)} | ({source.name} if "HGSC" in image["source"] else set())
    mask = f"nuclei_images/{pathlib.Path(name).stem}_labels.png"
    learned.append([f"nuclei_images/{name}", "", image["group"], numeric(image["mpp"]), mask])
for part in ["nuclei_tiles", "more_tiles"]:
    for tile in rows(f"{part}/sources.csv"):
        # Tiles of images that are there with all their outlines add nothing.
        if {tile["source_file"], pathlib.Path(tile["source_file"]).name} & whole:
            continue
        mpp = known.get(tile["source"])
        mpp = f'{mpp / float(tile["scale"]):.4g}' if mpp else ""
        learned.append([f'{part}/{tile["filename"]}', tile["label"], tile["slide_id"], mpp, ""])
temporary = folder / "labels.csv.new"
with open(temporary, "w", newline="", encoding="utf-8") as file:
    csv.writer(file, lineterminator="\n").writerows([["filename", "label", "group", "mpp", "mask"], *learned])
os.replace(temporary, folder / "labels.csv")
print(f"train-model: {len(learned)} images and tiles in {folder}/labels.csv")
END
}

if [ ! -e "$run/report.html" ]; then
    if [ -e "$run/run.json" ]; then
        "$train" resume "$run"
    else
        write_dataset
        "$train" "$dataset" --architecture compact --strategy regularized --validation --output "$run"
    fi
fi
cp "$run/best.safetensors" models/nuclei-compact.safetensors
echo "train-model: wrote models/nuclei-compact.safetensors; rebuild nuclei-mask to bundle it"
