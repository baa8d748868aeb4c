#!/usr/bin/env bash
# Measures every kernel at the shapes of the networks against what the machine can do and, without arguments, the layers
# of whole networks. Results go to data/profile, or PROFILE=FOLDER: kernels.txt, kernels.json, roofline.svg, layers.txt.
# Usage: tools/profile-kernels.sh [ARGUMENT...]          arguments of kernel-bench, for example --quick, --batch 8,
#                                                        --filter "lenet5 conv" or --compare data/profile/old.json
#        tools/profile-kernels.sh --perf [ARGUMENT...]       the hot loops of a training step, with Linux's perf
#        tools/profile-kernels.sh --callgrind [ARGUMENT...]  the instructions that functions execute, with valgrind: slow, but exact
# Arguments behind --perf and --callgrind are those of kernel-bench serve: --infer, --model-kind compact, --batch 8, ...
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
-h | --help)
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

tools/setup.sh
swift build -c release --product kernel-bench
bench=$(swift build -c release --show-bin-path)/kernel-bench
folder=${PROFILE:-data/profile}
mkdir -p "$folder"

need() {
    command -v "$1" >/dev/null && return
    echo "profile-kernels: $1 is not installed: apt-get install $2" >&2
    exit 1
}

# A process is watched that has loaded everything and works in rounds: what it takes to get there is another matter.
profile_with_perf() {
    need perf linux-perf
    need objdump binutils
    local event=cycles data=$folder/perf.data
    # In many virtual machines there are no hardware counters; a clock does for finding hot loops.
    if perf stat -e cycles true 2>&1 | grep -q 'not supported\|not counted'; then
        echo "profile-kernels: no hardware counters here, the clock serves"
        event=cpu-clock
    fi
    coproc serving { exec "$bench" serve "$@" 2>"$folder/perf.log"; }
    local pid=$serving_PID ready
    if ! read -r ready <&"${serving[0]}"; then
        cat "$folder/perf.log" >&2
        exit 1
    fi
    perf record --quiet -F 997 -e "$event" -o "$data" -p "$pid" -- sleep 10 2>"$folder/perf.log" &
    local recorder=$!
    while kill -0 "$recorder" 2>/dev/null; do
        echo go >&"${serving[1]}"
        read -r ready <&"${serving[0]}"
    done
    kill "$pid"
    if ! wait "$recorder"; then
        cat "$folder/perf.log" >&2
        echo "profile-kernels: perf may not watch processes: try as root, or sysctl kernel.perf_event_paranoid=1" >&2
        exit 1
    fi
    report_hot_loops "$data" 2>>"$folder/perf.log" | tee "$folder/perf.txt"
    echo "profile-kernels: $folder/perf.txt; perf report -i $data shows more"
}

# The functions that take a hundredth or more of the time, and the hottest instructions of the first three.
report_hot_loops() {
    perf report -i "$1" --stdio --percent-limit 1 -F overhead,symbol,dso -w 9,44,20 | grep -v '^#\|^$'
    perf report -i "$1" --stdio -F overhead,symbol --dsos kernel-bench -w 9,200 |
        sed -n 's/^ *[0-9.]*% *\[\.\] \([^ ]*\).*/\1/p' | head -n 3 |
        while read -r symbol; do
            printf '\n%s: share of its time, address, instruction\n' "$symbol"
            perf annotate -i "$1" --stdio -s "$symbol" --percent-type local-period |
                sed -n 's/^ *\([0-9][0-9.]*\) *: *\([0-9a-f]*:.*\)/\1 \2/p' | sort -rn | head -n 12 |
                sort -k 2 | expand | cut -c 1-110
        done
}

profile_with_callgrind() {
    need valgrind valgrind
    local data=$folder/callgrind.out
    # valgrind 3.19 gives up on debugging information from newer compilers; names of functions are not part of it.
    strip --strip-debug -o "$folder/kernel-bench" "$bench"
    # It knows AVX2 at most, and one thread shows all that there is to count. Counted is what NetworkWork.run() does.
    OPENBLAS_CORETYPE=Haswell valgrind --quiet --tool=callgrind --callgrind-out-file="$data" \
        --toggle-collect='*NetworkWorkC3runyyKF' \
        "$folder/kernel-bench" serve --batch 1 "$@" --threads 1 --isa avx2 </dev/null
    callgrind_annotate "$data" | cut -c 1-150 | head -n 60 | tee "$folder/callgrind.txt"
    rm "$folder/kernel-bench"
    echo "profile-kernels: $folder/callgrind.txt; kcachegrind $data shows more"
}

case "${1:-}" in
--perf)
    shift
    [ $# -gt 0 ] || set -- --train
    profile_with_perf "$@"
    ;;
--callgrind)
    shift
    profile_with_callgrind "$@"
    ;;
*)
    "$bench" --json "$folder/kernels.json" --roofline "$folder/roofline.svg" "$@" | tee "$folder/kernels.txt"
    echo "profile-kernels: $folder has kernels.txt, kernels.json and roofline.svg"
    [ $# -eq 0 ] || exit 0
    for network in lenet5 compact; do
        for task in infer train; do
            printf '\n'
            "$bench" layers --model-kind "$network" "--$task"
        done
    done | tee "$folder/layers.txt"
    echo "profile-kernels: $folder has layers.txt"
    ;;
esac
