#!/usr/bin/env python3
"""Compares this project with other programs on the same work and prints a Markdown table.

Every program is a process that stays loaded. In each round, each program works for about half a second, so that changes
of the machine's speed affect all alike. No measurement is discarded. See README.md for installation.
"""
import argparse
import csv
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
OURS = "this project"

PEERS = {
    "infer": [
        "onnxruntime", "openvino", "openvino+throughput", "openvino+int8", "torch", "torch+channels-last",
        "torch+compiled", "torch+compiled+channels-last", "torch+channels-last+malloc",
    ],
    "train": [
        "torch", "torch+fused", "torch+fused+channels-last", "torch+fused+compiled",
        "torch+fused+compiled+channels-last", "torch+fused+malloc", "torch+fused+channels-last+malloc",
    ],
    "startup": ["onnxruntime", "openvino", "torch"],
    "mask": ["onnxruntime", "openvino", "onnxruntime+shared"],
}
# Settings of the C library: keep freed memory instead of returning it to the system.
MALLOC = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(32 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "task", choices=PEERS,
        help="inference, training step, start of a process with a first prediction, or masks of an image")
    parser.add_argument("--network", choices=["lenet5", "compact"], default="lenet5")
    parser.add_argument("--batch", type=int, default=32, help="batch size (default: 32; 1 for startup)")
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count(), help="number of threads (default: number of processors)")
    parser.add_argument("--rounds", type=int, default=9, help="number of rounds (default: 9)")
    parser.add_argument("--strides", type=int, nargs="+", default=[128, 64], help="strides of masks (default: 128 64)")
    parser.add_argument(
        "--image", type=pathlib.Path,
        help="image to mask (default: a synthetic crop of 4096 x 4096 pixels)")
    parser.add_argument(
        "--model", type=pathlib.Path, help="model for masks, of the given network (default: untrained weights)")
    parser.add_argument(
        "--peers", nargs="+", metavar="PEER",
        help="programs to compare with; defaults: " + "; ".join(f"{k}: {' '.join(v)}" for k, v in PEERS.items()))
    parser.add_argument(
        "--bin", type=pathlib.Path, default=PROJECT / ".build/release", metavar="FOLDER",
        help="folder of kernel-bench, nuclei-mask and nuclei-train (default: .build/release)")
    options = parser.parse_args()
    if options.batch < 1 or options.threads < 1 or options.rounds < 1:
        parser.error("--batch, --threads and --rounds: expected 1 or more")
    peers = [peer for peer in PEERS[options.task] if options.network == "lenet5" or "shared" not in peer]
    options.peers = options.peers or peers
    options.batch = 1 if options.task == "startup" else options.batch
    return options


def environment(options, peer=""):
    threads = {name: str(options.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    return os.environ | threads | (MALLOC if "malloc" in peer.split("+") else {})


class Failure(Exception):
    """A program has failed."""


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no message"


class Program:
    """A process that answers each line with a measurement."""

    def __init__(self, name, command, options):
        self.name = name
        self.rounds = []
        self.messages = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command, env=environment(options, name), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.messages, text=True)
        self.start = self.answer()

    def answer(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        self.messages.seek(0)
        raise Failure(f"{self.name} ended with status {self.process.wait()}: {last_line(self.messages.read())}")

    def measure(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.rounds.append(self.answer())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def serve(options, folder, task):
    return [
        options.bin / "kernel-bench", "serve", f"--{task}", "--model-kind", options.network, "--batch",
        str(options.batch), "--threads", str(options.threads), "--export", folder,
    ]


def export(options, folder):
    """Writes the models for ONNX Runtime and OpenVINO."""
    if any(not peer.startswith("torch") for peer in options.peers):
        result = subprocess.run(
            [sys.executable, HERE / "export.py", options.network, folder], capture_output=True, text=True)
        if result.returncode != 0:
            raise Failure(f"export.py: {last_line(result.stderr)}")


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, statistics.median(values), high


def table(heading, rows):
    lines = [heading] + [["---"] + ["---:"] * (len(heading) - 1)] + rows
    for line in lines:
        print("| " + " | ".join(line) + " |")


def compare_rates(options):
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        ours = Program(OURS, serve(options, folder, options.task), options)
        export(options, folder)
        programs = [ours]
        for peer in options.peers:
            command = [
                sys.executable, HERE / "peer.py", options.task, peer, "--network", options.network, "--folder",
                folder, "--batch", str(options.batch), "--threads", str(options.threads),
            ]
            try:
                programs.append(Program(peer, command, options))
            except Failure as failure:
                print(f"skipped: {failure}", file=sys.stderr)
        load = os.getloadavg()[0]
        for _ in range(options.rounds):
            for program in programs:
                program.measure()
                # Idle threads of some libraries spin for a while.
                time.sleep(0.3)
        for program in programs:
            program.end()
    what = "inference" if options.task == "infer" else "training step with AdamW and clipping"
    print(
        f"{options.network}, {what}, batches of {options.batch}, {options.threads} threads: medians of "
        f"{options.rounds} rounds, quartiles in brackets; load average {load:.1f} before, "
        f"{os.getloadavg()[0]:.1f} after\n")
    rows = []
    our_rates = [r["per_s"] for r in ours.rounds]
    our_memory = ours.rounds[-1]["rss_mb"]
    for program in programs:
        rates = [r["per_s"] for r in program.rounds]
        low, middle, high = quartiles(rates)
        row = [program.name, f"{middle:.1f} ({low:.1f} ... {high:.1f})"]
        memory = program.rounds[-1]["rss_mb"]
        if program is ours:
            rows.append(row + ["", f"{memory:.0f}", "", ""])
            continue
        low, middle, high = quartiles([a / b for a, b in zip(our_rates, rates)])
        rows.append(
            row + [
                f"**{middle:.2f}** ({low:.2f} ... {high:.2f})", f"{memory:.0f}", f"{our_memory / memory:.2f}",
                f"{program.start['difference']:.1e}",
            ])
    table(["program", "tiles/s", "our speed-up", "peak memory, MB", "our share of it", "difference of logits"], rows)


def run_once(command, options):
    """Runs a process; returns its seconds and peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment(options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise Failure(f"status {os.waitstatus_to_exitcode(status)} of {' '.join(map(str, command))}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def compare_starts(options):
    import numpy
    from PIL import Image

    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        Program(OURS, serve(options, folder, "infer"), options).end()
        export(options, folder)
        pixels = numpy.random.default_rng(1).integers(0, 256, (256, 256, 3), dtype=numpy.uint8)
        Image.fromarray(pixels).save(f"{folder}/tile.png")
        commands = {
            OURS: [
                options.bin / "nuclei-mask", f"{folder}/tile.png", "--model", f"{folder}/model.safetensors",
                "--threads", str(options.threads), "--output", f"{folder}/mask.png",
            ]
        }
        for peer in options.peers:
            commands[peer] = [sys.executable, HERE / "first.py", peer, options.network, folder, str(options.threads)]
        load = os.getloadavg()[0]
        results = {name: [] for name in commands}
        # Fills the file cache.
        for command in commands.values():
            run_once(command, options)
        for _ in range(options.rounds):
            for name, command in commands.items():
                results[name].append(run_once(command, options))
    print(
        f"{options.network}, from the start of the process to the first prediction, {options.threads} threads (this "
        f"project also writes a mask): medians of {options.rounds} rounds with a warm file cache, quartiles in "
        f"brackets; load average {load:.1f} before, {os.getloadavg()[0]:.1f} after\n")
    rows = []
    ours = [seconds for seconds, _ in results[OURS]]
    for name, runs in results.items():
        low, middle, high = quartiles([seconds for seconds, _ in runs])
        row = [name, f"{middle:.3f} ({low:.3f} ... {high:.3f})"]
        if name == OURS:
            ratio = ""
        else:
            low, middle, high = quartiles([theirs / own for (theirs, _), own in zip(runs, ours)])
            ratio = f"**{middle:.2f}** ({low:.2f} ... {high:.2f})"
        rows.append(row + [ratio, f"{statistics.median(memory for _, memory in runs):.0f}"])
    table(["program", "seconds", "our speed-up", "peak memory, MB"], rows)


def run(command, options):
    """Runs a process; returns its output and peak memory in MB."""
    with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as messages:
        process = subprocess.Popen(command, env=environment(options), stdout=printed, stderr=messages)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            messages.seek(0)
            raise Failure(f"status {process.returncode} of {command[0]}: {last_line(messages.read())}")
        printed.seek(0)
        return printed.read(), usage.ru_maxrss / 1024


def mask_once(options, folder, image, peer, stride, probabilities=False):
    """Masks an image; returns the seconds without loading the model, and the peak memory in MB."""
    mask = f"{folder}/{peer}.png"
    if peer != OURS:
        printed, memory = run([
            sys.executable, HERE / "mask.py", peer, "--network", options.network, "--folder", folder, "--image", image,
            "--stride", str(stride), "--batch", str(options.batch), "--threads", str(options.threads), "--output", mask,
        ] + (["--probabilities", f"{folder}/{peer}.npy"] if probabilities else []), options)
        return json.loads(printed.splitlines()[-1])["seconds"], memory
    start = time.perf_counter()
    _, memory = run([
        options.bin / "nuclei-mask", image, "--model", f"{folder}/model.safetensors", "--stride", str(stride),
        "--threads", str(options.threads), "--output", mask,
    ] + (["--csv", f"{folder}/{peer}.csv"] if probabilities else []), options)
    seconds = time.perf_counter() - start
    record = json.loads(pathlib.Path(mask).with_suffix(".json").read_text())
    return seconds - record["seconds"]["loading"], memory


def differences(folder, peer):
    """Returns the largest difference of window probabilities and the share of mask pixels that differ."""
    import numpy
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    with open(f"{folder}/{OURS}.csv") as file:
        ours = numpy.array([float(row["probability"]) for row in csv.DictReader(file)])
    theirs = numpy.load(f"{folder}/{peer}.npy")
    masks = [numpy.asarray(Image.open(f"{folder}/{name}.png")) for name in (OURS, peer)]
    return float(numpy.abs(ours - theirs).max()), float((masks[0] != masks[1]).mean())


def compare_masks(options):
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        Program(OURS, serve(options, folder, "infer"), options).end()
        if options.model:
            shutil.copy(options.model, f"{folder}/model.safetensors")
        export(options, folder)
        image = options.image
        if not image:
            run([
                options.bin / "nuclei-train", "synthesize", f"{folder}/set", "--tiles", "0", "--crop-size", "4096",
            ], options)
            image = next(pathlib.Path(f"{folder}/set").glob("*crop*.jpg"))
        for stride in options.strides:
            compare_masks_of(options, folder, image, stride)


def compare_masks_of(options, folder, image, stride):
    programs = [OURS] + options.peers
    for program in programs:
        # Fills the file cache.
        mask_once(options, folder, image, program, stride, probabilities=True)
    agreement = {peer: differences(folder, peer) for peer in options.peers}
    load = os.getloadavg()[0]
    results = {name: [] for name in programs}
    for _ in range(options.rounds):
        for name in programs:
            results[name].append(mask_once(options, folder, image, name, stride))
    print(
        f"\n{options.network}, masks of {image.name} at stride {stride}, {options.threads} threads, without imports and "
        f"loading of the model: medians of {options.rounds} rounds, quartiles in brackets; load average "
        f"{load:.1f} before, {os.getloadavg()[0]:.1f} after\n")
    rows = []
    for name in programs:
        low, middle, high = quartiles([seconds for seconds, _ in results[name]])
        row = [name, f"{middle:.2f} ({low:.2f} ... {high:.2f})"]
        memory = f"{statistics.median(memory for _, memory in results[name]):.0f}"
        if name == OURS:
            rows.append(row + ["", memory, "", ""])
            continue
        ratios = [theirs / ours for (theirs, _), (ours, _) in zip(results[name], results[OURS])]
        low, middle, high = quartiles(ratios)
        probability, pixels = agreement[name]
        rows.append(
            row + [f"**{middle:.2f}** ({low:.2f} ... {high:.2f})", memory, f"{probability:.1e}", f"{pixels:.2%}"])
    table([
        "program", "seconds", "our speed-up", "peak memory, MB", "difference of probabilities", "difference of masks",
    ], rows)


def main():
    options = arguments()
    needed = {"startup": ["nuclei-mask"], "mask": ["nuclei-mask"] + ([] if options.image else ["nuclei-train"])}
    for command in ["kernel-bench"] + needed.get(options.task, []):
        if not (options.bin / command).exists():
            sys.exit(f"{options.bin / command} is missing; build it: swift build -c release --product {command}")
    try:
        {"startup": compare_starts, "mask": compare_masks}.get(options.task, compare_rates)(options)
    except Failure as failure:
        sys.exit(str(failure))


main()
