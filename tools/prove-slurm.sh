#!/usr/bin/env bash
# Tests masking and training as job arrays on a real Slurm of three nodes, all on this machine: slurmctld, munged and three
# slurmd, as root, without systemd. Masks six images with tools/slurm/mask.sbatch; meanwhile the node with the largest
# image is killed, the image is preempted on its next node, and another process has one of the images. A dependent job
# writes the summary. Then two runs are trained with tools/slurm/train-sweep.sbatch, one of which is requeued. Compares all
# masks, the summary, the models and their table with those of one process, byte by byte, and looks for leftovers. Takes
# about a minute, and ends all that it has started.
# Usage: tools/prove-slurm.sh
#   BIN     environment variable: folder of nuclei-mask and nuclei-train (default: build them)
# Needs: apt-get install --no-install-recommends slurm-wlm slurm-client munge
set -euo pipefail
case "${1:-}" in
-h | --help)
    sed -n '2,10s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
[ -z "${BIN:-}" ] || BIN=$(realpath "$BIN")
cd "$(dirname "$0")/.."
root=$PWD
for program in slurmctld slurmd munged sbatch; do
    command -v "$program" >/dev/null || {
        echo "prove-slurm: $program is not installed: apt-get install --no-install-recommends slurm-wlm slurm-client munge" >&2
        exit 1
    }
done
[ "$(id -u)" = 0 ] || { echo "prove-slurm: expected to run as root, which starts the nodes" >&2; exit 1; }
if [ -z "${BIN:-}" ]; then
    swift build -c release --product nuclei-mask
    swift build -c release --product nuclei-train
    BIN=$(swift build -c release --show-bin-path)
fi
export PATH=$BIN:$PATH BIN
unset OMP_NUM_THREADS

work=$(mktemp -d)
export SLURM_CONF=$work/slurm.conf
say() { printf '%5.1f s  %s\n' "$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')" "$*"; }
begin=$EPOCHREALTIME

# Processes of a job, which have its number in their environment, and the slurmstepd that started them.
processes() {
    local file pid parent
    for file in /proc/[0-9]*/environ; do
        pid=${file//[!0-9]/}
        grep -qzxF "SLURM_CONF=$SLURM_CONF" "$file" 2>/dev/null || continue
        grep -qzxF "SLURM_JOB_ID=$1" "$file" 2>/dev/null || continue
        echo "$pid"
        parent=$(awk '/^PPid/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
        if [ -n "$parent" ] && grep -q slurmstepd "/proc/$parent/comm" 2>/dev/null; then echo "$parent"; fi
    done | sort -u
}
stop() { if [ -s "$1" ]; then kill "${2:--TERM}" "$(cat "$1")" 2>/dev/null || true; fi; }
# Daemons that have not ended. Without an init process that collects them, ended ones stay as zombies.
running() {
    local pid
    for pid in $daemons; do
        if grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$pid/status" 2>/dev/null; then echo "$pid"; fi
    done
}
finish() {
    local status=$? id
    trap - EXIT
    if [ "$status" != 0 ]; then timeout 5 squeue --array 2>/dev/null || true; fi
    for id in $(timeout 5 squeue --noheader --format %A 2>/dev/null | sort -u); do timeout 5 scancel "$id" || true; done
    for id in $(seq 1 40); do [ -n "$(timeout 5 squeue --noheader 2>/dev/null)" ] || break; sleep 0.25; done
    daemons=$(cat "$work"/*.pid 2>/dev/null || true)
    for id in n1 n2 n3; do stop "$work/slurmd-$id.pid"; done
    stop "$work/slurmctld.pid"
    stop "$work/munged.pid"
    for id in $(seq 1 40); do
        [ -n "$(running)" ] || break
        sleep 0.25
    done
    if [ "$status" != 0 ]; then
        tail -n 20 "$work"/*.log "$work"/log/slurmctld.log 2>/dev/null || true
        echo "prove-slurm: failed with status $status" >&2
    fi
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM
fail() { echo "prove-slurm: $*" >&2; exit 1; }

# The cluster.
chmod 0755 "$work"
mkdir -p "$work"/{state,log,munge,spool/n1,spool/n2,spool/n3,tmp}
chmod 0711 "$work/munge"
head -c 128 /dev/urandom >"$work/munge/key"
chmod 0400 "$work/munge/key"
port=$((20000 + RANDOM % 20000)) host=$(hostname -s)
cat >"$SLURM_CONF" <<END
ClusterName=proof
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool/%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/log/slurmctld.log
SlurmdLogFile=$work/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,bf_interval=1,sched_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=10
KillWait=5
InactiveLimit=0
MinJobAge=300
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=n[1-3] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + 3))] CPUs=1 RealMemory=4000
PartitionName=low Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=1 PreemptMode=REQUEUE
PartitionName=high Nodes=ALL MaxTime=INFINITE PriorityTier=10 PreemptMode=OFF
END
munged --force --socket="$work/munge/socket" --key-file="$work/munge/key" --log-file="$work/log/munged.log" \
    --pid-file="$work/munged.pid" --seed-file="$work/munge/seed"
slurmctld -f "$SLURM_CONF"
for node in n1 n2 n3; do slurmd -f "$SLURM_CONF" -N "$node"; done
for _ in $(seq 1 80); do
    [ "$(sinfo --noheader --Node --partition low --format %T 2>/dev/null | grep -cx idle)" = 3 ] && break
    sleep 0.25
done
[ "$(sinfo --noheader --Node --partition low --format %T | grep -cx idle)" = 3 ] || fail "expected three idle nodes, found $(sinfo --noheader --Node --partition low --format %T | tr '\n' ' ')"
say "cluster of three nodes"

# Images, and what one process makes of them.
cd "$work"
# Slowly enough that the largest image is still computed when its task is killed and preempted.
options=(--stride 32 --threads 1 --precision float32)
nuclei-train synthesize small --tiles 0 --crops 5 --crop-size 500 -q >/dev/null
nuclei-train synthesize large --tiles 0 --crops 1 --crop-size 2800 -q >/dev/null
mv large/wsi_crop_1.jpg small/largest.jpg
ls small/*.jpg >list.txt
nuclei-mask --images list.txt --output-folder alone "${options[@]}" -q >/dev/null
nuclei-mask plan --images list.txt --table plan.csv --output-folder out "${options[@]}" >/dev/null
[ "$(sed -n '2s/,.*//p' plan.csv)" = small/largest.jpg ] || fail "expected the largest image first in the plan"
say "six images masked by one process, and planned"

# An array. Another process has one of the images at first. The node with the largest image is killed once its cache has a
# block.
mkdir out
exec 9>out/.wsi_crop_3_nuclei_mask.png.lock
flock 9
sbatch=(sbatch --parsable --cpus-per-task=1 --mem=500M)
export TMPDIR=$work/tmp
array=$("${sbatch[@]}" --array=1-6 "$root/tools/slurm/mask.sbatch" plan.csv out "${options[@]}")
summary=$("${sbatch[@]}" --dependency="afterany:$array" --output=summary.log \
    --wrap="nuclei-mask summary out --images plan.csv")
cache=out/largest_nuclei_mask.png.windows
for _ in $(seq 1 200); do
    # The first page after the header has the checksums of blocks.
    if [ -s "$cache" ] && [ "$(tail -c +4097 "$cache" | head -c 4096 | tr -d '\0' | wc -c)" -gt 0 ]; then break; fi
    sleep 0.1
done
[ -s "$cache" ] || fail "expected a cache with a block of the largest image, found none"
node=$(squeue --noheader --jobs "${array}_1" --format %N)
task=$(scontrol show job "${array}_1" | sed -n 's/^JobId=\([0-9]*\).*/\1/p')
[ -n "$node" ] || fail "expected a node with the largest image, found none"
stop "$work/slurmd-$node.pid" -KILL
kill -KILL $(processes "$task") || true
scontrol update nodename="$node" state=down reason=killed
say "node $node killed with the largest image"
for _ in $(seq 1 300); do
    if grep -qs ' ended with 75 and is requeued$' nuclei-mask-"${array}"_*.log; then break; fi
    sleep 0.1
done
exec 9>&-
say "a task whose image another process had is requeued"

# Preemption on the two nodes that are left, while the largest image is computed again.
for _ in $(seq 1 300); do
    [ "$(squeue --noheader --jobs "${array}_1" --format %T)" = RUNNING ] && break
    sleep 0.1
done
second=$(squeue --noheader --jobs "${array}_1" --format %N)
sleep 1
urgent=$("${sbatch[@]}" --partition=high --nodelist="$second" --output=/dev/null --wrap="sleep 1")
say "largest image begun again on $second, then preempted by job $urgent"
for _ in $(seq 1 600); do
    [ -n "$(squeue --noheader --jobs "$summary" 2>/dev/null)" ] || break
    sleep 0.2
done
grep -q '^6 images: 6 done$' summary.log || fail "expected a summary of 6 images, found $(cat summary.log)"
say "array and summary finished"

grep -h ' blocks were found in ' nuclei-mask-"${array}"_*.log | sed 's/^/         /' ||
    fail "expected that the largest image was continued, found $(cat nuclei-mask-"${array}"_*.log)"
grep -q '"restarts" : "2"' out/largest_nuclei_mask.json ||
    fail "expected that the task of the largest image was requeued twice, found $(cat out/largest_nuclei_mask.json)"
grep -q '"restarts"' out/wsi_crop_3_nuclei_mask.json ||
    fail "expected that the task of a busy image was requeued, found $(cat nuclei-mask-"${array}"_*.log)"
for mask in alone/*.png; do cmp "$mask" "out/${mask#alone/}" || fail "expected equal masks, found another ${mask#alone/}"; done
table() { sed "s|\b$1/||g" "$1/summary.csv" | python3 -c '
import csv, sys
for row in sorted(csv.DictReader(sys.stdin), key=lambda row: row["image"]):
    print({**row, "seconds": ""})'; }
diff <(table alone) <(table out) || fail "expected the summary of one process"
found=$(find out tmp -name '.*' -type f -o -name '*.windows' -o -name 'nuclei-stage-*' -o -name '*.failed')
[ -z "$found" ] || fail "expected no leftovers, found $found"
[ "$(find out -name '*.png' | wc -l)" = 6 ] || fail "expected 6 masks, found $(ls out)"
say "masks and summary equal those of one process; nothing left over"

# Training: a sweep of two seeds; one run is requeued.
nuclei-train synthesize tiles --tiles 48 --crops 0 -q >/dev/null
printf 'plain: --architecture compact --epochs 6\n' >settings.txt
sweep=(--settings "$work/settings.txt" --seeds 1 2)
"$root/tools/experiments.py" "$work/tiles" custom --out "$work/alone-runs" "${sweep[@]}" >alone.table 2>/dev/null
cd "$root"
training=$("${sbatch[@]}" --array=1-2 --output="$work/train-%a.log" "$root/tools/slurm/train-sweep.sbatch" "$work/tiles" custom \
    --out "$work/runs" "${sweep[@]}")
cd "$work"
for _ in $(seq 1 200); do
    if [ "$(cat runs/custom/plain-1/history.csv 2>/dev/null | wc -l)" -ge 3 ]; then break; fi
    sleep 0.1
done
scontrol requeue "${training}_1"
say "two runs begun; the first requeued"
for _ in $(seq 1 600); do
    [ -n "$(squeue --noheader --jobs "$training" 2>/dev/null)" ] || break
    sleep 0.2
done
for run in plain-1 plain-2; do
    cmp "alone-runs/custom/$run/best.safetensors" "runs/custom/$run/best.safetensors" || fail "expected equal models of $run"
done
"$root/tools/experiments.py" "$work/tiles" custom --out "$work/runs" "${sweep[@]}" --table >runs.table 2>/dev/null
# The last column has times.
diff <(sed 's/|[^|]*|$//' alone.table) <(sed 's/|[^|]*|$//' runs.table) || fail "expected equal tables"
say "models and table equal those of one process"
