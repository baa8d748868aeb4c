"""Programs that are compared, as processes, and tables of their measurements."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
OURS = "this project"

# Settings of the C library: keep freed memory instead of returning it to the system.
MALLOC = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(32 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}


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
        str(options.batch), "--threads", str(options.threads), "--precision", options.precision, "--export", folder,
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


def run_once(command, options):
    """Runs a process; returns its seconds and peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment(options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise Failure(f"status {os.waitstatus_to_exitcode(status)} of {' '.join(map(str, command))}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


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
