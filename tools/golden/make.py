#!/usr/bin/env python3
"""Makes Tests/Fixtures/golden: numbers from PyTorch and scikit-learn that our results must agree with.

    python3 -m venv venv
    venv/bin/pip install torch numpy safetensors scikit-learn    # the CPU build of torch is enough
    venv/bin/python tools/golden/make.py [folder]

`manifest.json` lists the cases; the tensors of a case are in its file as CASE.TENSOR. Inputs are float32, results are
computed in float64 from those float32 inputs. Everything is deterministic: a second run writes the same bytes.
Large inputs come from a formula (see `formula`), so that other languages can make them again.
"""

import pathlib
import sys

import torch

from collection import Golden
from learning import calibration, curves, metrics, optimizers, schedules, window_averages
from networks import networks, residual_networks
from operations import batch_norms, convolutions, linears, losses, pools, relu

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent.parent / "Tests/Fixtures/golden"


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    golden = Golden()
    for part in (
        convolutions, pools, relu, linears, losses, optimizers, schedules, metrics, calibration, curves,
        window_averages, networks, batch_norms, residual_networks,
    ):
        part(golden)
    golden.save(FOLDER)
    total = sum(f.stat().st_size for f in FOLDER.iterdir())
    print(f"{len(golden.cases)} cases, {total / 1e6:.2f} MB in {FOLDER}")


if __name__ == "__main__":
    main()
