#!/usr/bin/env bash
# Trains the bundled model that outlines nuclei, models/nuclei-unet.safetensors, on nuclei_images, nuclei_tiles and
# more_tiles in the folder DATA: whole images with outlines, and tiles of other images. Rows with a non-commercial license
# are left out. Two patients and three organs are the test. Two wider models of different seeds are the teachers of the
# bundled one. The same command resumes an interrupted run. The run folders are models/nuclei-unet-teacher-SEED and
# models/nuclei-unet; the data set that the models learn, data/outlines, has the rows and links to the images.
# With a RUN, another run folder, the options go to nuclei-train instead, such as --test-groups 'TNBC*', and the bundled
# model stays.
# Usage: tools/train-unet.sh DATA [RUN OPTION...]
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,9s/^# //p' "$0" >&2; exit 64; }
data=$(cd "$1" && pwd)
shift
run=models/nuclei-unet folder=
if [ $# -ge 1 ]; then
    run=$(realpath -m "$1") folder=$PWD
    shift
else
    for group in TNBC:patient07 TNBC:patient08 'NuInsSeg:human bladder' 'NuInsSeg:human kidney' \
        'NuInsSeg:mouse spleen'; do
        set -- "$@" --test-groups "$group"
    done
fi
cd "$(dirname "$0")/.."

tools/setup.sh
swift build -c release --product nuclei-train
train=$(swift build -c release --show-bin-path)/nuclei-train
dataset=data/outlines

# Writes data/outlines/labels.csv with every image and tile to learn.
write_dataset() {
    mkdir -p "$dataset"
    for part in nuclei_images nuclei_tiles more_tiles; do ln -sfn "$data/$part" "$dataset/$part"; done
    python3 - "$dataset" <<'END'
import csv, os, pathlib, sys

folder = pathlib.Path(sys.argv[1])
# Microns per pixel, and the number of draws of each tile in an epoch, so that no source dominates. The nuclei of NuInsSeg
# and of the Data Science Bowl are larger than others at their nominal resolution, 0.25 and 0.5.
outlined = {"NuInsSeg": (0.2, 0.5), "DSB 2018 stage1_train": (0.4, 0.62), "TNBC (Naylor)": (0.25, 5.5),
            "HGSC regions of the package histolytics 0.3.0": (0.45, 1.65)}
# Microns per pixel of the files that tiles were cut from, where they are known.
known = {"GTEx adipose (Glastonbury)": 0.5, "TCGA tiles of u24_lymphocyte": 0.5, "TCGA tiles of mopadi": 0.5}

def rows(name):
    with open(folder / name, newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if "-NC" not in row["licence"]]

learned = []
for image in rows("nuclei_images/images.csv"):
    mpp, weight = outlined[image["source"]]
    mask = f'nuclei_images/{pathlib.Path(image["filename"]).stem}_labels.png'
    learned.append([f'nuclei_images/{image["filename"]}', "", image["group"], mpp, weight, mask])
for part in ["nuclei_tiles", "more_tiles"]:
    for tile in rows(f"{part}/sources.csv"):
        # The images of these tiles are there with all their outlines.
        if tile["source"].startswith(("NuInsSeg", "DSB", "HGSC")):
            continue
        mpp = known.get(tile["source"])
        mpp = f'{mpp / float(tile["scale"]):.4g}' if mpp else ""
        learned.append([f'{part}/{tile["filename"]}', tile["label"], tile["slide_id"], mpp, 1, ""])
temporary = folder / "labels.csv.new"
with open(temporary, "w", newline="", encoding="utf-8") as file:
    header = ["filename", "label", "group", "mpp", "weight", "mask"]
    csv.writer(file, lineterminator="\n").writerows([header, *learned])
os.replace(temporary, folder / "labels.csv")
print(f"train-unet: {len(learned)} images and tiles in {folder}/labels.csv")
END
}

# Trains a model in a run folder with more options, continues the training, or does nothing if it has finished.
learn() { "$train" "$dataset" --no-validation --continue --output "$@"; }

write_dataset
# Paths in the options of a RUN are relative to the folder of the caller.
[ -z "$folder" ] || { dataset=$PWD/$dataset; cd "$folder"; }
teachers=()
for seed in 42 43; do
    learn "$run-teacher-$seed" --architecture unet-wide --seed "$seed" "$@"
    teachers+=(--teacher "$run-teacher-$seed/best.safetensors")
done
learn "$run" --seed 45 --epochs 90 "${teachers[@]}" "$@"
if [ "$run" = models/nuclei-unet ]; then
    cp "$run/best.safetensors" models/nuclei-unet.safetensors
    echo "train-unet: wrote models/nuclei-unet.safetensors; rebuild nuclei-mask to bundle it"
fi
