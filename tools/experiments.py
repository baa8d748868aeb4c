#!/usr/bin/env python3
"""Trains several configurations and prints a table of their scores.

Repeating a command resumes interrupted runs and skips finished ones. A run is a configuration with a seed and, with --folds,
a fold. Run folders are OUT/EXPERIMENT/NAME-SEED or OUT/EXPERIMENT/NAME-foldIofK-SEED, where options after -- are part of the
name of the experiment. The table is printed and written to OUT/EXPERIMENT.md.

Usage: tools/experiments.py DATASET EXPERIMENT [--out models/experiments] [--seeds 1 2 3] [--folds K] [-- OPTIONS OF
       nuclei-train]
       tools/experiments.py ... --list      a line per run: its number, folder and options
       tools/experiments.py ... --run I     trains one run, for a task of a job array (tools/slurm/train-sweep.sbatch)
       tools/experiments.py ... --table     the table of finished runs; the others are named (status 75)

Experiments:
  strategies  lenet5 and compact with each strategy, on one split
  folds       five-fold cross-validation by group
  sources     leave one source out as the test set; a source is the part of a group name before ':'
  ablation    compact without one part of its recipe at a time
  blur        compact with and without blur augmentation, tested on blurred tiles
  custom      the configurations in --settings FILE, one per line: "NAME: OPTIONS OF nuclei-train"

Environment: BIN, the folder of nuclei-train (default: .build/release)
"""

import argparse
import csv
import json
import os
import pathlib
import shlex
import signal
import statistics
import subprocess
import sys

BIN = pathlib.Path(os.environ.get("BIN") or pathlib.Path(__file__).resolve().parent.parent / ".build" / "release")
COMPACT = ["--architecture", "compact", "--strategy", "regularized", "--validation"]


def sources(dataset):
    """Names of sources with labeled tiles: the part of group names before ':'."""
    with open(dataset / "labels.csv", newline="", encoding="utf-8-sig") as file:
        groups = {row.get("group") or "" for row in csv.DictReader(file) if row["label"]}
    return sorted({group.split(":")[0] for group in groups if ":" in group})


def configurations(name, dataset, settings):
    """Maps names of configurations to their options, without the seed."""
    if name == "custom":
        parts = {}
        for number, line in enumerate(settings.read_text().splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            part, colon, options = line.partition(":")
            if not colon or not part.strip() or "/" in part or part.strip() in parts:
                sys.exit(f"experiments: {settings}:{number}: expected a new NAME: OPTIONS, found {line}")
            parts[part.strip()] = shlex.split(options)
        return parts
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


def suffixed(path, suffix):
    """A path with a longer name. Unlike `with_suffix`, keeps the part after a dot, as in "lr-0.01-1"."""
    return path.with_name(path.name + suffix)


class Run:
    """A configuration with a seed and possibly a fold."""

    def __init__(self, root, name, fold, seed, options):
        self.name = name
        middle = f"-fold{fold.replace('/', 'of')}" if fold else ""
        self.folder = root / f"{name.replace(' ', '-')}{middle}-{seed}"
        self.options = options + (["--fold", fold] if fold else []) + ["--seed", str(seed)]

    def record(self):
        """The record of the finished run; None for others."""
        try:
            record = json.loads((self.folder / "run.json").read_text())
        except FileNotFoundError:
            return None
        return record if record["state"] == "finished" else None

    def train(self, dataset):
        """Trains, resumes, or does nothing where the run is finished; exits with the status of a failure."""
        print(f"experiments: {self.folder}", file=sys.stderr, flush=True)
        if self.record():
            return
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        command = [str(dataset), "--output", str(self.folder), *self.options, "--continue"]
        log = suffixed(self.folder, ".log")
        with open(log, "a", encoding="utf-8") as file:
            process = subprocess.Popen([str(BIN / "nuclei-train")] + command, stdout=file, stderr=file)
            # The program ends after its current step, and this script after the program, also where it was the last
            # step.
            signals = []

            def stop(number, _):
                signals.append(number)
                process.terminate()

            signal.signal(signal.SIGTERM, stop)
            try:
                status = process.wait()
            except KeyboardInterrupt:
                status = process.wait()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if status != 0:
            print(f"experiments: training ended with status {status}; see {log}", file=sys.stderr)
            sys.exit(status if status > 0 else 128 - status)
        if signals:
            sys.exit(128 + signals[0])

    def scores(self, dataset, blurred):
        """The scores of the best model; those that were computed before are read."""
        best, file = self.folder / "best.safetensors", suffixed(self.folder, ".scores.json")
        if not file.exists() or file.stat().st_mtime < best.stat().st_mtime:
            levels = [["--blur", str(sigma)] for sigma in [0, 1, 2, 3]] if blurred else [[]]
            scores = [evaluate(dataset, best, options) for options in levels]
            temporary = suffixed(file, f".{os.getpid()}.tmp")
            temporary.write_text(json.dumps(scores))
            temporary.replace(file)
        return json.loads(file.read_text())


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


def table(name, dataset, runs):
    """Lines of a table with a row for each configuration, over its seeds and folds."""
    blurred = name == "blur"
    rows = []
    for configuration in dict.fromkeys(run.name for run in runs):
        own = [run for run in runs if run.name == configuration]
        scores = [run.scores(dataset, blurred) for run in own]
        minutes = statistics.fmean(run.record()["seconds"] / 60 for run in own)
        if blurred:
            cells = [spread([score[level]["score"]["weighted"]["f1"] for score in scores]) for level in range(4)]
        else:
            scores = [score[0] for score in scores]
            cells = [
                spread([score["score"]["accuracy"] for score in scores]),
                spread([score["score"]["weighted"]["f1"] for score in scores]),
                interval([metric(score, "f1") for score in scores]),
                spread([score["score"].get("rocAUC") for score in scores]),
                spread([metric(score, "calibrationError", "uncalibrated").get("value") for score in scores]),
                spread([metric(score, "calibrationError", "calibrated").get("value") for score in scores]),
            ]
        rows.append([configuration] + cells + [f"{minutes:.1f}"])
    head = ["F1", "F1, sigma 1", "F1, sigma 2", "F1, sigma 3"] if blurred else [
        "accuracy", "weighted F1", "95 % interval", "ROC-AUC", "ECE", "ECE, calibrated",
    ]
    head = ["run"] + head + ["minutes"]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head)] + rows) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=pathlib.Path)
    parser.add_argument("experiment", choices=["strategies", "folds", "sources", "ablation", "blur", "custom"])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("models/experiments"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--folds", type=int, help="train each configuration on each of K folds")
    parser.add_argument("--settings", type=pathlib.Path, help="configurations of the experiment custom")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--list", action="store_true")
    action.add_argument("--run", type=int, metavar="I")
    action.add_argument("--table", action="store_true")
    own = sys.argv[1:]
    extra = own[own.index("--") + 1 :] if "--" in own else []
    arguments = parser.parse_args(own[: own.index("--")] if "--" in own else own)
    if (arguments.settings is None) == (arguments.experiment == "custom"):
        parser.error("expected --settings with the experiment custom, and only there")
    if arguments.folds is not None and (arguments.folds < 2 or arguments.experiment in ["folds", "sources"]):
        parser.error("--folds: expected at least 2, and an experiment without folds of its own")
    if not (BIN / "nuclei-train").exists():
        sys.exit(f"experiments: {BIN}: no nuclei-train; build first: swift build -c release")
    # Different options get different folders.
    root = arguments.out / "-".join([arguments.experiment] + [option.lstrip("-").replace("/", "_") for option in extra])
    folds = [f"{k}/{arguments.folds}" for k in range(1, arguments.folds + 1)] if arguments.folds else [None]
    parts = configurations(arguments.experiment, arguments.dataset, arguments.settings)
    runs = [
        Run(root, name, fold, seed, options + extra)
        for name, options in parts.items()
        for fold in folds
        for seed in arguments.seeds
    ]
    names = {}
    for run in runs:
        if run.folder in names:
            sys.exit(
                f"experiments: expected a folder for each run, found {run.folder} for \"{names[run.folder]}\" and "
                f"\"{run.name}\"")
        names[run.folder] = run.name
    if arguments.list:
        for number, run in enumerate(runs, 1):
            print(number, run.folder, shlex.join(run.options))
        return
    if arguments.run is not None:
        if not 1 <= arguments.run <= len(runs):
            sys.exit(f"experiments: --run: expected 1 to {len(runs)}, found {arguments.run}")
        runs[arguments.run - 1].train(arguments.dataset)
        runs[arguments.run - 1].scores(arguments.dataset, arguments.experiment == "blur")
        return
    if not arguments.table:
        for run in runs:
            run.train(arguments.dataset)
            run.scores(arguments.dataset, arguments.experiment == "blur")
    finished = [run for run in runs if run.record()]
    for run in runs:
        if run not in finished:
            print(f"experiments: {run.folder}: not finished", file=sys.stderr)
    if finished:
        text = table(arguments.experiment, arguments.dataset, finished)
        root.parent.mkdir(parents=True, exist_ok=True)
        suffixed(root, ".md").write_text(text)
        print(text)
    sys.exit(0 if len(finished) == len(runs) else 75)


main()
