#!/usr/bin/env bash
# Tests that masking a large slide needs no more memory than a small one, and that interrupted masking resumes to the
# same bits. Creates a slide with synthetic tissue on 30 % of its area (tiled pyramidal BigTIFF, JPEG, 0.5 microns per
# pixel). Masks it once without interruption, and once with kill -9 at random times, resuming until it is finished.
# Compares masks, windows and probabilities, or nuclei, byte by byte, and prints a table of times and peak memory.
# Usage: tools/prove-resume.sh [SIZE [KILLS [STRIDE [ARGUMENT...]]]]      defaults: 102400, 10, 128; further arguments
#                                                                        are those of nuclei-mask
#   STRIDE  of windows, or "nuclei": outline nuclei instead of classifying windows
#   SIZE    side of the slide in pixels, at least 8192: a multiple of 16 from 256 to 496, times a power of two. The side
#           of the lowest level is the tile size, because OpenSlide 3.4 misreads levels smaller than a tile.
#   BIN     environment variable: folder of nuclei-mask and nuclei-train (default: build them)
#   WORK    environment variable: folder for the slide and all outputs. An existing slide.tif is reused (default: a
#           temporary folder, removed at the end)
set -euo pipefail
case "${1:-}" in
-h | --help)
    sed -n '2,13s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
[ -z "${BIN:-}" ] || BIN=$(realpath "$BIN")
[ -z "${WORK:-}" ] || WORK=$(realpath -m "$WORK")
cd "$(dirname "$0")/.."

size=${1:-102400} kills=${2:-10} stride=${3:-128} more=("${@:4}")

tile=$size
while [ "$tile" -ge 512 ] && [ $((tile % 2)) -eq 0 ]; do tile=$((tile / 2)); done
if [ "$size" -lt 8192 ] || [ "$tile" -ge 512 ] || [ $((tile % 16)) -ne 0 ]; then
    echo "prove-resume: SIZE: expected 8192 or more, a multiple of 16 from 256 to 496 times a power of two, found $size" >&2
    exit 64
fi
command -v vips >/dev/null || { echo "prove-resume: vips is not installed: apt-get install libvips-tools" >&2; exit 1; }
bin=${BIN:-}
if [ -z "$bin" ]; then
    tools/setup.sh
    swift build -c release --product nuclei-mask
    swift build -c release --product nuclei-train
    bin=$(swift build -c release --show-bin-path)
fi
# Paths in the arguments are relative to the folder of the caller.
cd "$OLDPWD"
if [ -n "${WORK:-}" ]; then
    work=$WORK
    mkdir -p "$work"
else
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi

# Builds the slide from 32 x 32 cells. The 307 cells closest to the centers of two ellipses are tissue.
make_slide() {
    local cell=$((size / 32)) names
    local options=tile,tile-width=$tile,tile-height=$tile,pyramid,bigtiff,compression=jpeg,Q=80
    options+=,xres=2000,yres=2000,resunit=cm
    # Left by a run that was interrupted.
    rm -rf "$work/crops"
    "$bin/nuclei-train" synthesize "$work/crops" --tiles 0 --crops 3 --crop-size "$cell" >/dev/null
    for crop in 1 2 3; do vips copy "$work/crops/wsi_crop_$crop.jpg" "$work/$crop.v"; done
    vips black "$work/black.v" "$cell" "$cell" --bands 3
    vips linear "$work/black.v" "$work/white.v" 1 245 --uchar
    names=$(awk 'BEGIN {
        for (i = 0; i < 1024; i++) {
            x = i % 32; y = int(i / 32)
            a = ((x - 10) / 2) ^ 2 + ((y - 11) / 3) ^ 2; b = ((x - 22) / 3) ^ 2 + ((y - 20) / 2) ^ 2
            print (a < b ? a : b), i
        }
    }' | sort -g | awk '
        { name[$2] = NR <= 307 ? 1 + $2 % 3 ".v" : "white.v" }
        END { for (i = 0; i < 1024; i++) printf "%s ", name[i] }')
    # vips splits the list at spaces, so it runs in the folder and gets bare file names.
    (
        cd "$work"
        vips arrayjoin "$names" "slide.part.tif[$options]" --across 32
        mv slide.part.tif slide.tif
        rm -rf crops ./*.v
    )
}

kinds=(tif csv)
[ "$stride" = nuclei ] || kinds+=(tif.windows)

# Starts nuclei-mask in the background. The argument is the base name of its outputs.
start() {
    local found=(--stride "$stride" --csv "$work/$1.csv" --keep-probabilities)
    [ "$stride" != nuclei ] || found=(--nuclei "$work/$1.csv")
    "$bin/nuclei-mask" "$work/slide.tif" --output "$work/$1.tif" "${found[@]}" "${more[@]}" >>"$work/$1.log" 2>&1 &
    pid=$!
}

# Waits for nuclei-mask to end, or kills it after $1 seconds. Sets peak (memory in MB), seconds and status.
watch() {
    local begin=$EPOCHREALTIME found
    peak=0
    while kill -0 "$pid" 2>/dev/null; do
        found=$(awk '/^VmHWM/ { print int($2 / 1024) }' "/proc/$pid/status" 2>/dev/null || true)
        [ -z "$found" ] || peak=$found
        seconds=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
        if [ -n "${1:-}" ] && awk -v a="$seconds" -v b="$1" 'BEGIN { exit !(a >= b) }'; then
            # The process may have ended in the meantime.
            kill -9 "$pid" || true
            break
        fi
        sleep 0.1
    done
    status=0
    wait "$pid" 2>/dev/null || status=$?
}

report() { printf '%-12s %8s s   peak %5s MB   %s\n' "$1" "$seconds" "$peak" "$2"; }

begin=$SECONDS
[ -e "$work/slide.tif" ] || make_slide
rm -f "$work"/{whole,killed}.*
printf 'slide        %d x %d pixels, tiles of %d, %s bytes, created in %d s\n' "$size" "$size" "$tile" \
    "$(stat -c %s "$work/slide.tif")" $((SECONDS - begin))

start whole
watch
report whole ""
[ "$status" -eq 0 ] || { cat "$work/whole.log" >&2; exit 1; }
grep -h '\(windows\|blocks\) in\|predicted' "$work/whole.log" | sed 's/^.*: /             /'

whole_seconds=$seconds
for kill in $(seq "$kills"); do
    # Random lifetimes that add up to about half of the uninterrupted time.
    life=$(awk -v seed="$RANDOM" -v whole="$whole_seconds" -v kills="$kills" \
        'BEGIN { srand(seed); printf "%.1f", 0.5 + rand() * 1.2 * whole / (kills + 1) }')
    start killed
    # Suppress the shell's message about the killed job.
    watch "$life" 2>/dev/null
    if [ "$status" -ne 137 ]; then
        report "killed" "ended with status $status before kill $kill"
        break
    fi
    report "kill $kill" ""
done
if [ "$status" -eq 137 ] || [ "$kills" -eq 0 ]; then
    start killed
    watch
    report "last" "$(grep 'were found' "$work/killed.log" | tail -n 1 | sed 's/.*: //')"
fi
[ "$status" -eq 0 ] || { cat "$work/killed.log" >&2; exit 1; }

for kind in "${kinds[@]}"; do
    cmp "$work/whole.$kind" "$work/killed.$kind"
    printf 'same bits    %-12s %s\n' "$kind" "$(sha256sum <"$work/whole.$kind" | cut -c 1-64)"
done
