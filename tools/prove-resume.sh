#!/usr/bin/env bash
# Proves that a large slide is masked in the same memory as a small one, and that runs which are killed go on to the same
# bits. Makes a slide of synthetic tissue on 30 % of it (tiled pyramidal BigTIFF, JPEG, 0.5 microns per pixel), masks it
# once without a stop, and once killed (kill -9) at random moments and started again until it is done; compares masks,
# windows and probabilities byte by byte, and prints a table of times and peak memory.
# Usage: tools/prove-resume.sh [SIZE [KILLS [STRIDE [ARGUMENT...]]]]      defaults 102400, 10, 128; further arguments are
#                                                                        those of nuclei-mask
#   SIZE    pixels a side: 256, 288, 320, ... 496 times a power of two, 8192 or more. Lower levels halve to such a side,
#           which is then the tile's: OpenSlide 3.4 reads levels that are smaller than a tile wrongly.
#   BIN     folder of nuclei-mask and nuclei-train (default: they are built)
#   WORK    folder for the slide and all else; a slide.tif that is there already is taken (default: a temporary folder,
#           removed at the end)
set -euo pipefail
[ -z "${BIN:-}" ] || BIN=$(realpath "$BIN")
[ -z "${WORK:-}" ] || WORK=$(realpath -m "$WORK")
cd "$(dirname "$0")/.."

case "${1:-}" in
-h | --help)
    sed -n '2,13s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
size=${1:-102400} kills=${2:-10} stride=${3:-128} more=("${@:4}")

tile=$size
while [ "$tile" -ge 512 ] && [ $((tile % 2)) -eq 0 ]; do tile=$((tile / 2)); done
if [ "$size" -lt 8192 ] || [ "$tile" -ge 512 ] || [ $((tile % 16)) -ne 0 ]; then
    echo "prove-resume: expected 8192 or more, a multiple of 16 from 256 to 496 times a power of two, found $size" >&2
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
if [ -n "${WORK:-}" ]; then
    work=$WORK
    mkdir -p "$work"
else
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi

# 32 x 32 cells, those of them tissue that lie nearest to the middle of one of two ellipses.
make_slide() {
    local cell=$((size / 32)) names
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
    # Names are told apart by spaces: none may be in them.
    (
        cd "$work"
        vips arrayjoin "$names" "slide.tif[tile,tile-width=$tile,tile-height=$tile,pyramid,bigtiff,compression=jpeg,Q=80,xres=2000,yres=2000,resunit=cm]" --across 32
        rm -rf crops ./*.v
    )
}

# Starts a run; its name is that of what it writes.
start() {
    "$bin/nuclei-mask" "$work/slide.tif" --stride "$stride" --output "$work/$1.tif" --csv "$work/$1.csv" \
        --keep-probabilities "${more[@]}" >>"$work/$1.log" 2>&1 &
    pid=$!
}

# Waits for the end of the run, or kills it after so many seconds. Sets peak (MB of memory), seconds and status.
watch() {
    local begin=$EPOCHREALTIME found
    peak=0
    while kill -0 "$pid" 2>/dev/null; do
        found=$(awk '/^VmHWM/ { print int($2 / 1024) }' "/proc/$pid/status" 2>/dev/null || true)
        [ -z "$found" ] || peak=$found
        seconds=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
        if [ -n "${1:-}" ] && awk -v a="$seconds" -v b="$1" 'BEGIN { exit !(a >= b) }'; then
            # It may just have ended by itself.
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
printf 'slide        %d x %d pixels, tiles of %d, %s bytes, made in %d s\n' "$size" "$size" "$tile" \
    "$(stat -c %s "$work/slide.tif")" $((SECONDS - begin))

start whole
watch
report whole ""
[ "$status" -eq 0 ] || { cat "$work/whole.log" >&2; exit 1; }
grep -h 'windows in\|predicted' "$work/whole.log" | sed 's/^.*: /             /'

whole_seconds=$seconds
for kill in $(seq "$kills"); do
    # Lives of random length, which together come to about half of what a whole run takes.
    life=$(awk -v seed="$RANDOM" -v whole="$whole_seconds" -v kills="$kills" \
        'BEGIN { srand(seed); printf "%.1f", 0.5 + rand() * 1.2 * whole / (kills + 1) }')
    start killed
    # The shell's own word about the end of a job is none of the report's.
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

for kind in tif csv tif.windows; do
    cmp "$work/whole.$kind" "$work/killed.$kind"
    printf 'same bits    %-12s %s\n' "$kind" "$(sha256sum <"$work/whole.$kind" | cut -c 1-64)"
done
