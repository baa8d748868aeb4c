#!/usr/bin/env bash
# From nothing to a mask: installs what is missing, builds, makes a synthetic data set, trains a network on it, scores
# it, masks a crop and lays the mask over it. Takes some minutes on two cores; data go to data/demo, models to
# models/demo, both new each time.
# Usage: tools/demo.sh
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh
echo "demo: building"
swift build -c release --product nuclei-train
swift build -c release --product nuclei-mask
bin=$(swift build -c release --show-bin-path)

rm -rf data/demo models/demo
echo "demo: making synthetic tiles and a crop"
"$bin/nuclei-train" synthesize data/demo --tiles 1200 --crops 1 --crop-size 2048
echo "demo: training"
"$bin/nuclei-train" data/demo --epochs 12 --learning-rate 5e-4 --validation --output models/demo
echo "demo: scoring the test tiles"
"$bin/nuclei-train" evaluate data/demo --model models/demo/best.safetensors
echo "demo: masking a crop"
"$bin/nuclei-mask" data/demo/wsi_crop_1.jpg --model models/demo/best.safetensors --stride 64
"$bin/nuclei-mask" overlay data/demo/wsi_crop_1.jpg --size 700

cat <<END

model     models/demo/best.safetensors
records   models/demo/run.json, models/demo/history.csv
crop      data/demo/wsi_crop_1.jpg
mask      data/demo/wsi_crop_1_nuclei_mask.png
overlay   data/demo/wsi_crop_1_nuclei_overlay.png
END
