#!/usr/bin/env python3
"""Trains several configurations and prints a table of their scores.

Repeating a command resumes interrupted runs and skips finished ones. Run folders are OUT/EXPERIMENT/NAME-SEED, where
options after -- are part of the name. The table is printed and written to OUT/EXPERIMENT.md.

Usage: tools/experiments.py DATASET EXPERIMENT [--out models/experiments] [--seeds 1 2 3] [-- OPTIONS OF nuclei-train]

Experiments:
  strategies  lenet5 and compact with each strategy, on one split
  folds       five-fold cross-validation by group
  sources     leave one source out as the test set; a source is the part of a group name before ':'
  ablation    compact without one part of its recipe at a time
  blur        compact with and without blur augmentation, tested on blurred tiles
"""

import argparse
import csv
import json
import pathlib
import statistics
import subprocess
import sys

BIN = pathlib.Path(__file__).resolve().parent.parent / ".build" / "release"
COMPACT = ["--architecture", "compact", "--strategy", "regularized", "--validation"]


def sources(dataset):
    """Names of sources with labeled tiles: the part of group names before ':'."""
    with open(dataset / "labels.csv", newline="", encoding="utf-8-sig") as file:
        groups = {row.get("group") or "" for row in csv.DictReader(file) if row["label"]}
    return sorted({group.split(":")[0] for group in groups if ":" in group})


def configurations(name, dataset):
    """Maps names of configurations to their options, without the seed."""
    if name == "strategies":
        return {
            f"{net} {strategy}": ["--architecture", net, "--strategy", strategy, "--validation"]
            for net in ["compact", "lenet5"]
            for strategy in ["basic", "regularized", "pseudo-labeling"]
        }
    if name == "folds":
        return {f"fold {k}": COMPACT + ["--fold", f"{k}/5"] for k in range(1, 6)}
    if name == "sources":
        return {source: COMPACT + ["--test-groups", f"{source}:*"] for source in sources(dataset)}
    if name == "ablation":
        parts = {"full": []}
        for step in ["stain", "color", "blur", "scale", "jpeg"]:
            parts[f"no {step}"] = ["--leave-out", step]
        parts["with cutout"] = ["--cutout"]
        parts["no smoothing"] = ["--label-smoothing", "0"]
        parts["no augmentation"] = ["--no-augment"]
        parts["reference augmentation"] = ["--augmentation", "reference"]
        return {part: COMPACT + options for part, options in parts.items()}
    parts = {"with blur": [], "without blur": ["--leave-out", "blur"]}
    return {part: COMPACT + options for part, options in parts.items()}


def train(dataset, folder, options):
    """Trains or resumes; returns the record of the finished run."""
    record = folder / "run.json"
    if not record.exists():
        command = [str(dataset), "--output", str(folder)] + options
    elif json.loads(record.read_text())["state"] != "finished":
        command = ["resume", str(folder)]
    else:
        command = None
    if command:
        log = folder.with_suffix(".log")
        with open(log, "a", encoding="utf-8") as file:
            status = subprocess.run([str(BIN / "nuclei-train")] + command, stdout=file, stderr=file).returncode
        if status != 0:
            sys.exit(f"experiments: training ended with status {status}; see {log}")
    return json.loads(record.read_text())


def evaluate(dataset, model, options=()):
    command = [str(BIN / "nuclei-train"), "evaluate", str(dataset), "--model", str(model), "--json", *options]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def spread(values):
    """Mean, and for several runs the standard deviation."""
    values = [value for value in values if value is not None]
    if not values:
        return "-"
    mean = statistics.fmean(values)
    return f"{mean:.3f}" + (f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else "")


def metric(score, name, key=None):
    """A metric with its interval; calibrated if available, unless `key` selects one."""
    assessment = score.get(key) if key else score.get("calibrated") or score["uncalibrated"]
    return (assessment or {"figures": {}})["figures"].get(name, {})


def interval(metrics):
    """Mean ends of 95 % intervals."""
    ends = [metric["interval"] for metric in metrics if metric.get("interval")]
    if not ends:
        return "-"
    low, high = (statistics.fmean(end[side] for end in ends) for side in ["low", "high"])
    return f"{low:.3f} ... {high:.3f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=pathlib.Path)
    parser.add_argument("experiment", choices=["strategies", "folds", "sources", "ablation", "blur"])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("models/experiments"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    own = sys.argv[1:]
    extra = own[own.index("--") + 1 :] if "--" in own else []
    arguments = parser.parse_args(own[: own.index("--")] if "--" in own else own)
    if not (BIN / "nuclei-train").exists():
        sys.exit("experiments: build first: swift build -c release")
    # Different options get different folders.
    root = arguments.out / "-".join([arguments.experiment] + [option.lstrip("-").replace("/", "_") for option in extra])
    root.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, options in configurations(arguments.experiment, arguments.dataset).items():
        records, scores = [], []
        for seed in arguments.seeds:
            folder = root / f"{name.replace(' ', '-')}-{seed}"
            print(f"experiments: {folder}", file=sys.stderr, flush=True)
            records.append(train(arguments.dataset, folder, options + ["--seed", str(seed)] + extra))
            best = folder / "best.safetensors"
            if arguments.experiment == "blur":
                scores.append([evaluate(arguments.dataset, best, ["--blur", str(s)]) for s in [0, 1, 2, 3]])
            else:
                scores.append(evaluate(arguments.dataset, best))
        minutes = [record["seconds"] / 60 for record in records]
        if arguments.experiment == "blur":
            cells = [spread([score[level]["score"]["weighted"]["f1"] for score in scores]) for level in range(4)]
        else:
            cells = [
                spread([score["score"]["accuracy"] for score in scores]),
                spread([score["score"]["weighted"]["f1"] for score in scores]),
                interval([metric(score, "f1") for score in scores]),
                spread([score["score"].get("rocAUC") for score in scores]),
                spread([metric(score, "calibrationError", "uncalibrated").get("value") for score in scores]),
                spread([metric(score, "calibrationError", "calibrated").get("value") for score in scores]),
            ]
        rows.append([name] + cells + [f"{statistics.fmean(minutes):.1f}"])
    head = ["F1", "F1, sigma 1", "F1, sigma 2", "F1, sigma 3"] if arguments.experiment == "blur" else None
    head = ["run"] + (head or [
        "accuracy", "weighted F1", "95 % interval", "ROC-AUC", "ECE", "ECE, calibrated",
    ]) + ["minutes"]
    table = "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head)] + rows) + "\n"
    root.with_suffix(".md").write_text(table)
    print(table)


main()
