#!/usr/bin/env bash
# Installs the packages of a release and runs their programs: masks of a crop and, with NUCLEI_DATA, of a slide must have the
# bits of the build's, and a small training must end. The wheel and the archive are tried on this system. With ROOTS, a
# folder, all packages are tried in bare installations of Debian 12 and 13, which debootstrap makes there, as root; sizes and
# times are printed. NUCLEI_DICOM is a DICOM file of a slide to mask too, where OpenSlide 4 is in the package.
# Usage: tools/test-packages.sh FOLDER [ROOTS]    FOLDER has the files of release.sh, or some of them
set -euo pipefail
trap 'echo "test-packages: line $LINENO failed: $BASH_COMMAND" >&2' ERR
case "${1:-}" in
    "" | -*) sed -n '2,7s/^# //p' "$0"; exit 64 ;;
esac
folder=$(realpath "$1") roots=${2:+$(realpath -m "$2")}
NUCLEI_DATA=${NUCLEI_DATA:+$(realpath -m "$NUCLEI_DATA")}
NUCLEI_DICOM=${NUCLEI_DICOM:+$(realpath -ms "$NUCLEI_DICOM")}
cd "$(dirname "$0")/.."

fail() {
    echo "test-packages: $1" >&2
    exit 1
}
# The kinds of packages and their files.
kinds=(wheel deb archive)
declare -A names=([wheel]="nuclei_hne-*.whl" [deb]="nuclei_*.deb" [archive]="nuclei-*-linux-x86_64.tar.gz")
for kind in "${kinds[@]}"; do
    compgen -G "$folder/${names[$kind]}" >/dev/null || unset "names[$kind]"
done
[ ${#names[@]} -gt 0 ] || fail "$folder: expected a wheel, a Debian package or an archive"
build=$(swift build -c release --show-bin-path)
[ -x "$build/nuclei-mask" ] || fail "expected the build to compare with: swift build -c release"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$build/nuclei-train" synthesize "$work/in/set" --tiles 1 --crops 1 --crop-size 600 >/dev/null
cp "$work/in/set/wsi_crop_1.jpg" "$work/in/crop.jpg"
images=(crop.jpg)
slide=$NUCLEI_DATA/wsi/CMU-1-Small-Region.svs
if [ -r "$slide" ]; then cp "$slide" "$work/in/slide.svs"; images+=(slide.svs); else echo "test-packages: no slide, see NUCLEI_DATA"; fi
mkdir "$work/expected"
for image in "${images[@]}"; do
    "$build/nuclei-mask" "$work/in/$image" --quiet --output "$work/expected/$image.png"
done
if [ -n "$NUCLEI_DICOM" ]; then
    mkdir "$work/in/dicom"
    cp "$(dirname "$NUCLEI_DICOM")"/*.dcm "$work/in/dicom/"
else
    echo "test-packages: no DICOM file, see NUCLEI_DICOM"
fi

# What runs in each system. $1 is the kind of package, $2 the folder with packages, $3 the folder to install to.
cat >"$work/prepare.sh" <<'RUN'
set -eu
export DEBIAN_FRONTEND=noninteractive
case $1 in
    wheel)
        command -v python3 >/dev/null || { apt-get update && apt-get install -y --no-install-recommends python3-venv; }
        python3 -m venv "$3"
        ;;
    deb) apt-get update ;;
    archive) mkdir "$3" ;;
esac >/dev/null 2>&1
RUN
cat >"$work/install.sh" <<'RUN'
set -eu
export DEBIAN_FRONTEND=noninteractive
case $1 in
    wheel) "$3/bin/pip" install -q --disable-pip-version-check --no-index --find-links "$2" nuclei-hne ;;
    deb) apt-get install -y -qq -o APT::Keep-Downloaded-Packages=true "$2"/nuclei_*.deb >/dev/null 2>&1 ;;
    archive) tar -xzf "$2"/nuclei-*-linux-x86_64.tar.gz --strip-components=1 -C "$3" ;;
esac
RUN
# $1 to $3 as above, $4 is the folder with the inputs, $5 that for the outputs.
cat >"$work/run.sh" <<'RUN'
set -eu
export PATH="$3/bin:$PATH"
nuclei-train --version >/dev/null
for image in crop.jpg slide.svs; do
    [ ! -e "$4/$image" ] || nuclei-mask "$4/$image" --quiet --output "$5/$image.png"
done
# Debian has OpenSlide 3.4.
[ ! -d "$4/dicom" ] || [ "$1" = deb ] || nuclei-mask "$4/dicom" --quiet --output-folder "$5/dicom"
nuclei-train synthesize "$5/tiles" --tiles 24 --crops 0 --quiet
nuclei-train "$5/tiles" --architecture compact --epochs 1 --output "$5/run" --quiet
test -s "$5/run/best.safetensors"
status=0
nuclei-mask "$5/none.svs" 2>"$5/errors" || status=$?
test "$status" = 66
[ "$1" = wheel ] || exit 0
"$3/bin/python" - "$4/crop.jpg" "$5" <<'PYTHON'
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

# Compares the masks in folder $2, of a package of kind $1, with those of the build.
compare() {
    local image dicom=
    for image in "${images[@]}"; do
        cmp "$work/expected/$image.png" "$2/$image.png" || fail "another mask of $image"
    done
    if [ -d "$work/expected/dicom" ] && [ "$1" != deb ]; then
        cmp "$work"/expected/dicom/*_nuclei_mask.png "$2"/dicom/*_nuclei_mask.png || fail "another mask of the DICOM slide"
        dicom=" and DICOM"
    fi
    echo "test-packages: $1: ${images[*]}$dicom: the masks have the bits of the build's"
}

mkdir "$work/packages"
for kind in "${!names[@]}"; do cp "$folder"/${names[$kind]} "$work/packages/"; done
# The wheel's dependency is downloaded once, so that pip needs no network in the bare systems.
python3 -m pip download -q --disable-pip-version-check --no-deps --dest "$work/packages" openslide-bin
if [ -d "$work/in/dicom" ]; then
    python3 -m zipfile -e "$work"/packages/openslide_bin-*.whl "$work/openslide"
    NUCLEI_OPENSLIDE=$work/openslide/openslide_bin/libopenslide.so.1 \
        "$build/nuclei-mask" "$work/in/dicom" --quiet --output-folder "$work/expected/dicom"
fi
echo "test-packages: this system"
for kind in wheel archive; do
    [ -n "${names[$kind]:-}" ] || continue
    mkdir "$work/$kind"
    for step in prepare install run; do
        sh "$work/$step.sh" "$kind" "$work/packages" "$work/$kind/installed" "$work/in" "$work/$kind"
    done
    compare "$kind" "$work/$kind"
done

[ -n "$roots" ] || exit 0
# Megabytes of files.
size() { du -cx -B MB "$@" | sed -n "\$s,MB.*,,p"; }
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Origin: Debian' | head -n 1)
for suite in bookworm trixie; do
    [ -x "$roots/$suite/usr/bin/apt-get" ] || debootstrap --variant=minbase "$suite" "$roots/$suite" "$mirror" >/dev/null
    for kind in "${kinds[@]}"; do
        [ -n "${names[$kind]:-}" ] || continue
        root=$roots/trial
        rm -rf "$root"
        cp -a "$roots/$suite" "$root"
        mkdir -p "$root/nuclei/out"
        cp -r "$work/in" "$work/packages" "$work"/{prepare,install,run}.sh "$root/nuclei/"
        # The programs need /proc, and OpenMP /dev/shm.
        enter() {
            unshare --mount sh -c 'mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/dev/shm" && exec env -i \
                PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root chroot "$1" sh /nuclei/$2.sh $3 /nuclei/packages /nuclei/installed \
                /nuclei/in /nuclei/out' sh "$root" "$1" "$kind"
        }
        enter prepare
        rm -rf "$root"/var/cache/apt/archives/*.deb
        before=$(size --exclude="$root/var/cache" "$root")
        start=$(date +%s%N)
        enter install
        milliseconds=$((($(date +%s%N) - start) / 1000000))
        case $kind in
            wheel) files=("$root"/nuclei/packages/*.whl) ;;
            deb) files=("$root"/nuclei/packages/*.deb "$root"/var/cache/apt/archives/*.deb) ;;
            archive) files=("$root"/nuclei/packages/*.tar.gz) ;;
        esac
        echo "test-packages: bare $suite, $kind: files of $(size "${files[@]}") MB, $(($(size --exclude="$root/var/cache" "$root") - before)) MB" \
            "installed in $(awk "BEGIN { printf \"%.1f\", $milliseconds / 1000 }") s"
        enter run
        compare "$kind" "$root/nuclei/out"
        rm -rf "$root"
    done
done
