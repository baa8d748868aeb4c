#!/usr/bin/env python3
"""Compares this project with other programs on the same work and prints a Markdown table.

Every program is a process that stays loaded. In each round, each program works for about half a second, so that changes
of the machine's speed affect all alike. No measurement is discarded. See README.md for installation.
"""
import argparse
import os
import pathlib
import statistics
import sys
import tempfile
import time

from compare_masks import compare_masks
from programs import HERE, OURS, Failure, Program, export, quartiles, run_once, serve, table

PROJECT = HERE.parent.parent

PEERS = {
    "infer": [
        "onnxruntime", "openvino", "openvino+throughput", "openvino+bf16", "openvino+bf16+throughput", "openvino+int8",
        "openvino+int8+throughput", "torch", "torch+channels-last", "torch+compiled", "torch+compiled+channels-last",
        "torch+channels-last+malloc", "torch+bf16+channels-last+malloc",
    ],
    "train": [
        "torch", "torch+fused", "torch+fused+channels-last", "torch+fused+compiled",
        "torch+fused+compiled+channels-last", "torch+fused+malloc", "torch+fused+channels-last+malloc",
        "torch+bf16+fused+channels-last+malloc", "torch+bf16+fused+compiled+channels-last+malloc",
    ],
    "startup": ["onnxruntime", "openvino", "torch"],
    "mask": [
        "onnxruntime", "openvino", "openvino+bf16", "openvino+int8", "openvino+throughput", "openvino+bf16+throughput",
        "openvino+int8+throughput", "onnxruntime+shared", "openvino+shared", "openvino+bf16+shared",
    ],
}


def has_bf16():
    """Whether the processor multiplies bf16; elsewhere it is emulated, many times slower."""
    cpus = pathlib.Path("/proc/cpuinfo")
    return cpus.exists() and bool({"avx512_bf16", "amx_bf16"} & set(cpus.read_text().split()))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "task", choices=PEERS,
        help="inference, training step, start of a process with a first prediction, or masks of an image")
    parser.add_argument("--network", choices=["lenet5", "compact", "resnet18", "unet", "unet-wide"], default="lenet5")
    parser.add_argument(
        "--precision", choices=["float32", "int16"], default="float32",
        help="numbers that kernel-bench computes with, int16 for inference, except of a resnet18 (default: float32)")
    parser.add_argument("--batch", type=int, default=32, help="batch size (default: 32; 1 for startup)")
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count(), help="number of threads (default: number of processors)")
    parser.add_argument("--rounds", type=int, default=9, help="number of rounds (default: 9)")
    parser.add_argument("--strides", type=int, nargs="+", default=[128, 64], help="strides of masks (default: 128 64)")
    parser.add_argument(
        "--image", type=pathlib.Path,
        help="image to mask (default: a synthetic crop of 4096 x 4096 pixels)")
    parser.add_argument(
        "--model", type=pathlib.Path,
        help="model for masks, of the given network (default: untrained weights, or the bundled unet)")
    parser.add_argument(
        "--peers", nargs="+", metavar="PEER",
        help="programs to compare with; defaults: " + "; ".join(f"{k}: {' '.join(v)}" for k, v in PEERS.items()))
    parser.add_argument(
        "--bin", type=pathlib.Path, default=PROJECT / ".build/release", metavar="FOLDER",
        help="folder of kernel-bench, nuclei-mask and nuclei-train (default: .build/release)")
    options = parser.parse_args()
    outlines = options.network.startswith("unet")
    if outlines and options.task not in ("infer", "mask"):
        parser.error(f"--network {options.network}: expected the task infer or mask, found {options.task}")
    if options.precision == "int16" and (options.network == "resnet18" or options.task != "infer"):
        parser.error(f"--precision int16: expected infer and not resnet18, found {options.task}, {options.network}")
    if options.batch < 1 or options.threads < 1 or options.rounds < 1:
        parser.error("--batch, --threads and --rounds: expected 1 or more")
    # A U-Net gets an image whole, so that there is nothing to share or to batch.
    left_out = set() if options.network == "lenet5" else {"shared"}
    if outlines and options.task == "mask":
        left_out.add("throughput")
    if not has_bf16():
        left_out.add("bf16")
    options.peers = options.peers or [peer for peer in PEERS[options.task] if not left_out & set(peer.split("+"))]
    options.batch = 1 if options.task == "startup" else options.batch
    return options


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
        f"{options.network}, {what}, ours in {options.precision}, batches of {options.batch}, {options.threads} threads: medians of "
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
