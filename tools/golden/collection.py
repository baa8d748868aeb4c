"""Cases with their tensors, and inputs that come from a formula."""

import json
import math

import numpy as np
import torch
from safetensors.numpy import save_file


def splitmix64(seed, count):
    """The first `count` numbers of the stream; element i depends on (seed, i) alone."""
    with np.errstate(over="ignore"):
        z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def formula(seed, shape, scale=1.0):
    """float32(((splitmix64(seed, i) >> 40) / 2^24 - 0.5) * 2 * scale), i the flat index; in double, then rounded."""
    unit = (splitmix64(seed, math.prod(shape)) >> np.uint64(40)).astype(np.float64) / 2**24
    return torch.from_numpy(((unit - 0.5) * 2 * scale).astype(np.float32).reshape(shape))


class Golden:
    """Collects cases and their tensors."""

    def __init__(self):
        self.cases, self.files, self.seed = [], {}, 20_000

    def random(self, *shape, scale=1.0):
        self.seed += 1
        return formula(self.seed, shape, scale)

    def tensors(self, file, case, **tensors):
        for name, value in tensors.items():
            value = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
            self.files.setdefault(file, {})[f"{case}.{name}"] = np.ascontiguousarray(value)

    def case(self, case, op, file=None, **fields):
        entry = dict(case=case, op=op)
        if file:
            entry["file"] = f"{file}.safetensors"
        self.cases.append(entry | fields)

    def save(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, tensors in self.files.items():
            save_file(tensors, folder / f"{name}.safetensors")
        generator = dict(
            what=formula.__doc__,
            splitmix64="z = (i+1)*0x9E3779B97F4A7C15 + seed; z = (z^(z>>30))*0xBF58476D1CE4E5B9; "
            "z = (z^(z>>27))*0x94D049BB133111EB; z^(z>>31); i from 0, all mod 2^64",
            check=dict(
                seed=7,
                first_u64=[str(v) for v in splitmix64(7, 4)],
                first_gen_scale1=[float(v) for v in formula(7, (4,))],
            ),
        )
        head = dict(
            format="safetensors; tensor name = CASE.TENSOR; inputs float32, results float64 from the same inputs",
            torch=torch.__version__,
            numpy=np.__version__,
            generator=generator,
        )
        lines = ",\n".join("  " + json.dumps(c) for c in self.cases)
        text = json.dumps(head, indent=1)[:-2] + ',\n "cases": [\n' + lines + "\n ]\n}\n"
        (folder / "manifest.json").write_text(text)


def leaves(*tensors):
    """Double copies that want gradients; None stays None."""
    return [None if t is None else t.double().requires_grad_() for t in tensors]


def gradients(y, gy, **inputs):
    """The gradients of sum(y * gy) by the inputs that are there, named g<input>."""
    inputs = {name: t for name, t in inputs.items() if t is not None}
    grads = torch.autograd.grad(y, list(inputs.values()), gy.double())
    return dict(zip(("g" + name for name in inputs), grads))
