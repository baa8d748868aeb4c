#!/usr/bin/env bash
# Installs a wheel of package-wheel.sh in a new virtual environment and runs its programs: masks of a crop and, with
# NUCLEI_DATA, of a slide must have the bits of the build's, and a small training must end. With ROOTS, an empty or existing
# folder, it does so in bare installations of Debian 12 and 13 as well, which it makes there with debootstrap, as root.
# NUCLEI_DICOM is a DICOM file of a slide to mask too.
# Usage: tools/test-wheel.sh WHEEL [ROOTS]
set -euo pipefail
trap 'echo "test-wheel: line $LINENO failed: $BASH_COMMAND" >&2' ERR
case "${1:-}" in
    "" | -*) sed -n '2,6s/^# //p' "$0"; exit 64 ;;
esac
wheel=$(realpath "$1") roots=${2:+$(realpath -m "$2")}
cd "$(dirname "$0")/.."

fail() {
    echo "test-wheel: $1" >&2
    exit 1
}
build=$(swift build -c release --show-bin-path)
[ -x "$build/nuclei-mask" ] || fail "expected the build to compare with: swift build -c release"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$build/nuclei-train" synthesize "$work/in/set" --tiles 1 --crops 1 --crop-size 600 >/dev/null
cp "$work/in/set/wsi_crop_1.jpg" "$work/in/crop.jpg"
images=(crop.jpg)
slide=${NUCLEI_DATA:-}/wsi/CMU-1-Small-Region.svs
if [ -r "$slide" ]; then cp "$slide" "$work/in/slide.svs"; images+=(slide.svs); else echo "test-wheel: no slide, see NUCLEI_DATA"; fi
mkdir "$work/expected"
for image in "${images[@]}"; do
    "$build/nuclei-mask" "$work/in/$image" --quiet --output "$work/expected/$image.png"
done
if [ -n "${NUCLEI_DICOM:-}" ]; then
    mkdir "$work/in/dicom"
    cp "$(dirname "$NUCLEI_DICOM")"/*.dcm "$work/in/dicom/"
else
    echo "test-wheel: no DICOM file, see NUCLEI_DICOM"
fi

# What runs in each system; $1 is the folder with the inputs, $2 that for the outputs, $3 the folder with the wheels.
cat >"$work/run.sh" <<'RUN'
set -eu
python3 -m venv "$2/venv"
start=$(date +%s)
"$2/venv/bin/pip" install -q --disable-pip-version-check --no-index --find-links "$3" nuclei-hne
echo "installed in $(($(date +%s) - start)) s, $(du -sm "$2"/venv/lib/python3*/site-packages/nuclei_hne* | awk '{ s += $1 } END { print s }') MB, with openslide-bin $(du -sm "$2"/venv/lib/python3*/site-packages/openslide_bin* | awk '{ s += $1 } END { print s }') MB more"
export PATH="$2/venv/bin:$PATH"
nuclei-train --version
for image in crop.jpg slide.svs; do
    [ ! -e "$1/$image" ] || nuclei-mask "$1/$image" --quiet --output "$2/$image.png"
done
[ ! -d "$1/dicom" ] || nuclei-mask "$1/dicom" --quiet --output-folder "$2/dicom"
nuclei-train synthesize "$2/tiles" --tiles 24 --crops 0 --quiet
nuclei-train "$2/tiles" --architecture compact --epochs 1 --output "$2/run" --quiet
test -s "$2/run/best.safetensors"
status=0
nuclei-mask "$2/none.svs" 2>"$2/errors" || status=$?
test "$status" = 66
"$2/venv/bin/python" - "$1/crop.jpg" "$2" <<'PYTHON'
import sys
import nuclei_hne

crop, folder = sys.argv[1:]
made = nuclei_hne.mask(crop, output=f"{folder}/module.png", nuclei=f"{folder}/module.csv", threads=1)
assert made.path.read_bytes() == open(f"{folder}/crop.jpg.png", "rb").read()
assert len(made.rows()) == made.record["nuclei"]["nuclei"] > 0 and not made.is_partly_unreadable
windows = nuclei_hne.mask(crop, output=f"{folder}/windows.png", csv=f"{folder}/windows.csv", model="nuclei-compact")
assert len(windows.rows("csv")) == windows.record["windows"]["count"] > 0
try:
    nuclei_hne.mask(crop, no_such_option=True)
except nuclei_hne.NucleiError as error:
    assert error.status == 64 and "--no-such-option" in str(error), (error.status, str(error))
else:
    raise AssertionError("expected an error")
PYTHON
RUN

# Compares the masks in a folder with those of the build.
compare() {
    local image
    for image in "${images[@]}"; do
        cmp "$work/expected/$image.png" "$1/$image.png" || fail "another mask of $image"
    done
    if [ -d "$work/in/dicom" ]; then
        cmp "$work"/expected/dicom/*_nuclei_mask.png "$1"/dicom/*_nuclei_mask.png || fail "another mask of the DICOM slide"
    fi
    echo "test-wheel: ${images[*]}${NUCLEI_DICOM:+ and DICOM}: the masks have the bits of the build's"
}

# Its dependency is downloaded once, so the bare systems need no network.
mkdir "$work/out" "$work/wheels"
cp "$wheel" "$work/wheels/"
python3 -m pip download -q --disable-pip-version-check --no-deps --dest "$work/wheels" openslide-bin
echo "test-wheel: this system"
sh "$work/run.sh" "$work/in" "$work/out" "$work/wheels"
if [ -d "$work/in/dicom" ]; then
    NUCLEI_OPENSLIDE=$(echo "$work"/out/venv/lib/python3*/site-packages/openslide_bin/libopenslide.so.1) \
        "$build/nuclei-mask" "$work/in/dicom" --quiet --output-folder "$work/expected/dicom"
fi
compare "$work/out"

[ -n "$roots" ] || exit 0
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Origin: Debian' | head -n 1)
for suite in bookworm trixie; do
    root=$roots/$suite
    [ -x "$root/usr/bin/python3" ] ||
        debootstrap --variant=minbase --include=python3-venv "$suite" "$root" "$mirror" >/dev/null
    rm -rf "${root:?}/nuclei"
    mkdir -p "$root/nuclei/out"
    cp -r "$work/in" "$work/wheels" "$work/run.sh" "$root/nuclei/"
    echo "test-wheel: bare $suite"
    # The programs need /proc, and OpenMP /dev/shm.
    unshare --mount sh -c 'mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/dev/shm" &&
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root chroot "$1" sh /nuclei/run.sh /nuclei/in /nuclei/out /nuclei/wheels' sh "$root"
    compare "$root/nuclei/out"
    rm -rf "${root:?}/nuclei"
done
