#!/usr/bin/env bash
# Measures every kernel at the shapes of the networks, relative to the limits of the machine. Without arguments, also
# measures the layers of whole networks. Writes kernels.txt, kernels.json, roofline.svg and layers.txt to data/profile,
# or to the folder in the environment variable PROFILE.
# Usage: tools/profile-kernels.sh [ARGUMENT...]              arguments of kernel-bench: --quick, --batch 8,
#                                                            --filter "lenet5 conv", --compare old.json, ...
#        tools/profile-kernels.sh --perf [ARGUMENT...]       hot loops of a training step, with perf
#        tools/profile-kernels.sh --callgrind [ARGUMENT...]  instruction counts, with valgrind: exact but slow
# Arguments after --perf and --callgrind are those of kernel-bench serve: --infer, --model-kind compact, --batch 8, ...
set -euo pipefail
case "${1:-}" in
-h | --help)
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
folder=${PROFILE:+$(realpath -m "$PROFILE")}
cd "$(dirname "$0")/.."

tools/setup.sh
swift build -c release --product kernel-bench
bench=$(swift build -c release --show-bin-path)/kernel-bench
folder=${folder:-$PWD/data/profile}
mkdir -p "$folder"
# Paths in the arguments are relative to the folder of the caller.
cd "$OLDPWD"

need() {
    command -v "$1" >/dev/null && return
    echo "profile-kernels: $1 is not installed: apt-get install $2" >&2
    exit 1
}

# Profiles a `kernel-bench serve` that has already loaded everything, so that start-up is not recorded.
profile_with_perf() {
    need perf linux-perf
    need objdump binutils
    local event=cycles data=$folder/perf.data
    # Many virtual machines have no hardware counters. Sampling by clock also finds hot loops.
    if perf stat -e cycles true 2>&1 | grep -q 'not supported\|not counted'; then
        echo "profile-kernels: no hardware counters, sampling by clock"
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
        echo "profile-kernels: perf is not permitted: run as root, or set sysctl kernel.perf_event_paranoid=1" >&2
        exit 1
    fi
    report_hot_loops "$data" 2>>"$folder/perf.log" | tee "$folder/perf.txt"
    echo "profile-kernels: wrote $folder/perf.txt; for details: perf report -i $data"
}

# Lists functions with at least 1 % of the time, and the hottest instructions of the first three.
report_hot_loops() {
    perf report -i "$1" --stdio --percent-limit 1 -F overhead,symbol,dso -w 9,44,20 | grep -v '^#\|^$'
    perf report -i "$1" --stdio -F overhead,symbol --dsos kernel-bench -w 9,200 |
        sed -n 's/^ *[0-9.]*% *\[\.\] \([^ ]*\).*/\1/p' | head -n 3 |
        while read -r symbol; do
            printf '\n%s: percent of its time, address, instruction\n' "$symbol"
            perf annotate -i "$1" --stdio -s "$symbol" --percent-type local-period |
                sed -n 's/^ *\([0-9][0-9.]*\) *: *\([0-9a-f]*:.*\)/\1 \2/p' | sort -rn | head -n 12 |
                sort -k 2 | expand | cut -c 1-110
        done
}

profile_with_callgrind() {
    need valgrind valgrind
    local data=$folder/callgrind.out
    # valgrind 3.19 cannot read the debug information of newer compilers. Function names remain after stripping.
    strip --strip-debug -o "$folder/kernel-bench" "$bench"
    # valgrind supports up to AVX2. Only NetworkWork.run() is counted, on one thread.
    OPENBLAS_CORETYPE=Haswell valgrind --quiet --tool=callgrind --callgrind-out-file="$data" \
        --toggle-collect='*NetworkWorkC3runyyKF' \
        "$folder/kernel-bench" serve --batch 1 "$@" --threads 1 --isa avx2 </dev/null
    callgrind_annotate "$data" | cut -c 1-150 | head -n 60 | tee "$folder/callgrind.txt"
    rm "$folder/kernel-bench"
    echo "profile-kernels: wrote $folder/callgrind.txt; for details: kcachegrind $data"
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
    echo "profile-kernels: wrote kernels.txt, kernels.json and roofline.svg to $folder"
    [ $# -eq 0 ] || exit 0
    for network in lenet5 compact; do
        for task in infer train; do
            printf '\n'
            "$bench" layers --model-kind "$network" "--$task"
        done
    done | tee "$folder/layers.txt"
    echo "profile-kernels: wrote layers.txt to $folder"
    ;;
esac
