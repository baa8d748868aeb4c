#!/usr/bin/env python3
"""Makes Tests/Fixtures/golden: numbers from PyTorch and scikit-learn that our results must agree with.

    python3 -m venv venv
    venv/bin/pip install torch numpy safetensors scikit-learn    # the CPU build of torch is enough
    venv/bin/python tools/make-golden.py [folder]

`manifest.json` lists the cases; the tensors of a case are in its file as CASE.TENSOR. Inputs are float32, results are
computed in float64 from those float32 inputs. Everything is deterministic: a second run writes the same bytes.
Large inputs come from a formula (see `formula`), so that other languages can make them again.
"""

import functools
import itertools
import json
import math
import pathlib
import sys

import numpy as np
import scipy.optimize
import sklearn.metrics
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "Tests/Fixtures/golden"


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


def convolutions(golden):
    # name, n, cin, cout, h, w, kernel, stride, padding
    rows = [
        ("conv1_small", 2, 3, 6, 12, 14, 5, 1, 2),
        ("conv2_small", 2, 6, 16, 10, 9, 5, 1, 0),
        ("conv3_small", 2, 8, 20, 8, 7, 5, 1, 0),
        ("conv_1x1_input", 1, 3, 2, 1, 1, 1, 1, 0),
        ("conv_exact_fit", 1, 2, 3, 5, 5, 5, 1, 0),
        ("conv_wide_row", 1, 1, 1, 5, 133, 5, 1, 2),
        ("conv_no_bias", 2, 4, 5, 9, 9, 3, 1, 1),
        ("conv_stride2x1", 2, 3, 4, 9, 8, 3, (2, 1), 1),
        ("conv_stride1x3", 1, 2, 5, 7, 13, 3, (1, 3), 0),
        ("conv_pad0x2", 3, 3, 2, 6, 5, 3, 1, (0, 2)),
        ("conv_pad2x1_stride3x2", 2, 5, 3, 11, 10, (5, 3), (3, 2), (2, 1)),
        ("conv_k1x5", 2, 3, 4, 4, 12, (1, 5), 1, (0, 2)),
        ("conv_k5x1", 2, 3, 4, 12, 4, (5, 1), 1, (2, 0)),
        ("conv_k2x4_no_bias", 1, 4, 3, 7, 9, (2, 4), (2, 1), (1, 2)),
        ("conv_padding_larger_than_image", 2, 2, 3, 1, 2, (3, 4), 1, 2),
    ]
    for (kernel, stride, padding), k in zip(itertools.product((1, 3, 5), (1, 2), (0, 1, 2)), itertools.count()):
        cin, cout = [(2, 3), (5, 1), (1, 7), (17, 2), (3, 17)][k % 5]
        shape = (1 + k % 2, cin, cout, 5 + k * 3 % 4, 5 + k * 5 % 7)
        rows.append((f"conv_small_k{kernel}s{stride}p{padding}", *shape, kernel, stride, padding))
    for name, n, cin, cout, h, w, kernel, stride, padding in rows:
        bias = not name.endswith("no_bias")
        r, s = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        x, weight = golden.random(n, cin, h, w), golden.random(cout, cin, r, s, scale=0.3)
        b = golden.random(cout, scale=0.2) if bias else None
        xd, wd, bd = leaves(x, weight, b)
        y = F.conv2d(xd, wd, bd, stride=stride, padding=padding)
        gy = golden.random(*y.shape)
        optional = dict(b=b) if bias else {}
        golden.tensors("conv2d", name, x=x, w=weight, gy=gy, y=y, **optional, **gradients(y, gy, x=xd, w=wd, b=bd))
        golden.case(
            name, "conv2d", "conv2d", n=n, cin=cin, cout=cout, h=h, w=w, kernel=kernel, stride=stride,
            padding=padding, bias=bias,
        )


def pools(golden):
    rows = [
        ("pool_even", (2, 3, 8, 10), 2, 2),
        ("pool_odd_h", (1, 2, 7, 8), 2, 2),
        ("pool_odd_w", (2, 1, 6, 9), 2, 2),
        ("pool_odd_both", (3, 5, 9, 11), 2, 2),
        ("pool_2x2", (1, 1, 2, 2), 2, 2),
        ("pool_3x3", (1, 4, 3, 3), 2, 2),
        ("pool_wide", (1, 2, 2, 65), 2, 2),
        ("pool_k3s2_overlap", (2, 2, 9, 10), 3, 2),
        ("pool_k3s1_overlap", (1, 3, 6, 5), 3, 1),
        ("pool_k2x3_stride3x1", (2, 2, 8, 7), (2, 3), (3, 1)),
        ("pool_k1s2_gaps", (1, 2, 5, 6), 1, 2),
        ("pool_whole_image", (2, 3, 4, 5), (4, 5), 1),
    ]
    for name, shape, kernel, stride in rows:
        for op, function in (("avg_pool2d", F.avg_pool2d), ("max_pool2d", F.max_pool2d)):
            case = name if op == "avg_pool2d" else "max_" + name
            x = golden.random(*shape)
            (xd,) = leaves(x)
            y = function(xd, kernel, stride)
            gy = golden.random(*y.shape)
            golden.tensors("layers", case, x=x, gy=gy, y=y, **gradients(y, gy, x=xd))
            golden.case(case, op, "layers", kernel=kernel, stride=stride, ceil_mode=False, shape=shape)

    # Few different values: every window has ties, the first largest wins.
    x = (golden.random(2, 3, 8, 9) * 2).round()
    (xd,) = leaves(x)
    y = F.max_pool2d(xd, 2, 2)
    gy = golden.random(*y.shape)
    golden.tensors("layers", "max_pool_ties", x=x, gy=gy, y=y, **gradients(y, gy, x=xd))
    golden.case("max_pool_ties", "max_pool2d", "layers", kernel=2, stride=2, ceil_mode=False, shape=x.shape)

    # At most one NaN in a window, in each of its places: which of several gets the gradient is not ours to promise.
    x = golden.random(1, 2, 4, 8)
    for row, column in ((0, 0), (0, 3), (3, 4), (2, 7)):
        x[0, 0, row, column] = float("nan")
    x[0, 1, 0, 0], x[0, 1, 1, 1], x[0, 1, 2:4, 2:4] = float("inf"), float("-inf"), float("-inf")
    (xd,) = leaves(x)
    y = F.max_pool2d(xd, 2, 2)
    gy = golden.random(*y.shape)
    golden.tensors("layers", "max_pool_nan", x=x, gy=gy, y=y, **gradients(y, gy, x=xd))
    golden.case("max_pool_nan", "max_pool2d", "layers", kernel=2, stride=2, ceil_mode=False, shape=x.shape)


def relu(golden):
    special = [0.0, -0.0, 1e-45, -1e-45, 1e-39, float("inf"), float("-inf"), 3.4e38, -3.4e38]
    x = torch.cat([golden.random(61), torch.tensor(special)])
    (xd,) = leaves(x)
    y = F.relu(xd)
    gy = golden.random(*y.shape)
    golden.tensors("layers", "relu", x=x, gy=gy, y=y, **gradients(y, gy, x=xd))
    golden.case("relu", "relu", "layers", note="the gradient at 0 is 0; includes -0, denormals, infinities")
    # PyTorch passes a gradient where y is NaN, our contract does not: values only.
    x = torch.tensor([float("nan"), 1.0, -1.0, float("nan"), -0.0])
    golden.tensors("layers", "relu_nan", x=x, y=F.relu(x.double()))
    golden.case("relu_nan", "relu", "layers", note="NaN stays NaN; no gradient")


def linears(golden):
    rows = [
        ("linear_1x1", 1, 1, 1), ("linear_small", 3, 7, 5), ("linear_fc2", 4, 84, 2), ("linear_tall", 1, 403, 7),
        ("linear_batch17", 17, 33, 9), ("linear_no_bias", 2, 19, 4),
    ]
    for name, n, inputs, outputs in rows:
        x, w, gy = golden.random(n, inputs), golden.random(outputs, inputs, scale=0.3), golden.random(n, outputs)
        b = None if name.endswith("no_bias") else golden.random(outputs, scale=0.2)
        xd, wd, bd = leaves(x, w, b)
        y = F.linear(xd, wd, bd)
        optional = {} if b is None else dict(b=b)
        golden.tensors("layers", name, x=x, w=w, gy=gy, y=y, **optional, **gradients(y, gy, x=xd, w=wd, b=bd))
        golden.case(name, "linear", "layers", n=n, cin=inputs, cout=outputs, weight="[out,in]")


def batch_norms(golden):
    # name, n, c, h, w, relu
    rows = [("bn", 3, 4, 5, 6, False), ("bn_relu", 2, 5, 7, 3, True), ("bn_offset", 4, 2, 3, 3, False)]
    for name, n, c, h, w, relu in rows:
        # Far from 0, a mean hides the variance from careless sums.
        x = golden.random(n, c, h, w) + (100 if name == "bn_offset" else 0)
        weight, bias, gy = golden.random(c) + 1, golden.random(c, scale=0.5), golden.random(n, c, h, w)
        mean, variance = golden.random(c), golden.random(c) + 1.5
        norm = torch.nn.BatchNorm2d(c).double()
        xd, norm.weight.data, norm.bias.data = x.double().requires_grad_(), weight.double(), bias.double()
        norm.running_mean, norm.running_var = mean.double(), variance.double()
        activation = F.relu if relu else lambda y: y
        norm.eval()
        evaluated = activation(norm(xd))
        norm.train()
        y = activation(norm(xd))
        grads = torch.autograd.grad(y, [xd, norm.weight, norm.bias], gy.double())
        golden.tensors(
            "layers", name, x=x, weight=weight, bias=bias, gy=gy, mean=mean, variance=variance, y=y,
            y_eval=evaluated, mean_after=norm.running_mean, variance_after=norm.running_var,
            **dict(zip(("gx", "gweight", "gbias"), grads)),
        )
        golden.case(name, "batch_norm", "layers", shape=[n, c, h, w], relu=relu)


def losses(golden):
    def add(name, x, target, weight, smoothing, reduction, **fields):
        xd, wd = x.double().requires_grad_(), None if weight is None else weight.double()
        loss = F.cross_entropy(xd, target, weight=wd, label_smoothing=smoothing, reduction=reduction)
        (gx,) = torch.autograd.grad(loss.sum(), xd)
        optional = {} if weight is None else dict(weight=weight)
        golden.tensors(
            "loss", name, x=x, target=target, loss=loss.reshape(-1), gx=gx, p=F.softmax(xd, 1), **optional
        )
        golden.case(
            name, "cross_entropy", "loss", classes=x.shape[1], label_smoothing=smoothing,
            weights=weight is not None, reduction=reduction, n=x.shape[0], **fields,
        )

    grid = itertools.product((2, 5), (0.0, 0.1, 0.3), (False, True), ("mean", "sum"))
    for k, (classes, smoothing, weighted, reduction) in enumerate(grid):
        n = 1 + k * 3 % 9
        x = golden.random(n, classes, scale=4.0)
        target = torch.from_numpy((splitmix64(8000 + k, n) % np.uint64(classes)).astype(np.int64))
        weight = golden.random(classes).abs() + 0.25 if weighted else None
        name = f"ce_C{classes}_ls{smoothing}_{'w' if weighted else 'nw'}_{reduction}"
        add(name, x, target, weight, smoothing, reduction)

    extreme = [[1e4, -1e4], [-1e4, 1e4], [88.8, 89.1], [0, 0], [-103.5, 0.25], [3e38, 3e38], [-3e38, -3e38]]
    for smoothing in (0.0, 0.1):
        target = torch.tensor([0, 0, 1, 1, 0, 1, 0])
        add(f"ce_extreme_ls{smoothing}", torch.tensor(extreme), target, None, smoothing, "none")
    for reduction in ("mean", "sum"):
        target = torch.tensor([0, -100, 1, 1, -100])
        weight = torch.tensor([0.4, 1.6])
        x = golden.random(5, 2, scale=2.0)
        name = "ce_ignore_index" if reduction == "mean" else "ce_ignore_index_sum"
        add(name, x, target, weight, 0.1, reduction, ignore_index=-100)


def optimizers(golden):
    rows = [
        ("sgd", "SGD", dict(lr=0.1)),
        ("sgd_wd", "SGD", dict(lr=0.1, weight_decay=1e-2)),
        ("sgd_mom", "SGD", dict(lr=0.05, momentum=0.9, weight_decay=1e-4)),
        ("sgd_damp", "SGD", dict(lr=0.05, momentum=0.9, dampening=0.3)),
        ("sgd_nesterov", "SGD", dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)),
        ("adam", "Adam", dict(lr=1e-3)),
        ("adam_wd", "Adam", dict(lr=1e-2, weight_decay=1e-2)),
        ("adam_betas", "Adam", dict(lr=1e-3, betas=(0.8, 0.95), eps=1e-6, weight_decay=1e-4)),
        ("adamw", "AdamW", dict(lr=1e-2, weight_decay=1e-2)),
        ("adamw_default", "AdamW", dict(lr=1e-3)),
    ]
    # Gradients of very different sizes, zeros at last.
    sizes = [1, 0.01, 3, 1e-6, 1, 0]
    start = dict(p=golden.random(4, 3), q=golden.random(7))
    grads = {key: [golden.random(*t.shape) * size for size in sizes] for key, t in start.items()}
    inputs = {f"{key}0": t for key, t in start.items()}
    inputs |= {f"g{key}{k}": g for key, list_ in grads.items() for k, g in enumerate(list_)}
    golden.tensors("optim", "inputs", **inputs)
    note = "start inputs.p0/q0, gradients inputs.gp{k}/gq{k} (last ones zero); p[k],q[k] = values after step k"
    for name, kind, settings in rows:
        parameters = {key: t.double().requires_grad_() for key, t in start.items()}
        optimizer = getattr(torch.optim, kind)(list(parameters.values()), **settings)
        history = {key: [] for key in parameters}
        for k in range(len(sizes)):
            for key, t in parameters.items():
                t.grad = grads[key][k].double()
            optimizer.step()
            for key, t in parameters.items():
                history[key].append(t.detach().clone())
        golden.tensors("optim", name, **{key: torch.stack(steps) for key, steps in history.items()})
        golden.case(name, "optimizer", "optim", optimizer=kind, params=settings, steps=len(sizes), note=note)

    for k, largest in enumerate((1.0, 0.5, 100.0, 1e-3)):
        shapes = dict(a=(4, 3), b=(7,), c=(2, 2, 2))
        given = {key: golden.random(*shape, scale=5.0 if key == "c" else 1.0) for key, shape in shapes.items()}
        parameters = {key: torch.zeros_like(g, dtype=torch.float64).requires_grad_() for key, g in given.items()}
        for key, g in given.items():
            parameters[key].grad = g.double()
        norm = torch.nn.utils.clip_grad_norm_(list(parameters.values()), largest)
        results = {key: t.grad for key, t in parameters.items()} | {"g" + key: g for key, g in given.items()}
        golden.tensors("optim", f"clip{k}", norm=norm.reshape(1), **results)
        golden.case(
            f"clip{k}", "clip_grad_norm", "optim", max_norm=largest, norm_type=2,
            note="factor = min(1, max_norm / (norm + 1e-6)); a, b, c = clipped gradients",
        )


def schedules(golden):
    noise = (formula(78, (24,)).double() * 0.05).tolist()
    sequences = dict(
        down_flat=[1.0, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7],
        noisy=[round(0.7 - 0.008 * k + v, 6) for k, v in enumerate(noise)],
        tiny_gain=[1 - 5e-5 * k for k in range(16)],
        nan=[1.0, 0.9, math.nan, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.8],
        up=[0.5, 0.6, 0.7, 0.6, 0.6, 0.6, 0.71, 0.71, 0.70, 0.70, 0.70, 0.70],
    )
    settings = dict(
        default_p2=dict(factor=0.1, patience=2),
        half_p3=dict(factor=0.5, patience=3),
        abs_cool=dict(factor=0.5, patience=1, threshold=1e-2, threshold_mode="abs", cooldown=2),
        minlr=dict(factor=0.1, patience=0, min_lr=1e-5),
        max=dict(mode="max", factor=0.5, patience=2),
        max_abs=dict(mode="max", factor=0.5, patience=1, threshold=0.01, threshold_mode="abs"),
    )
    defaults = dict(mode="min", threshold=1e-4, threshold_mode="rel", cooldown=0, min_lr=0, eps=1e-8, lr0=0.1)
    for (sequence, values), (setting, given) in itertools.product(sequences.items(), settings.items()):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=defaults["lr0"])
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **given)
        rates = []
        for value in values:
            schedule.step(value)
            rates.append(optimizer.param_groups[0]["lr"])
        golden.case(
            f"plateau_{sequence}_{setting}", "reduce_lr_on_plateau", params=defaults | given,
            metrics=[None if math.isnan(v) else v for v in values], lr_after=rates, note="null metric = NaN",
        )


def metrics(golden):
    m = sklearn.metrics
    n = 40
    for k, wrong in enumerate((1, 3, 5, 10)):
        y = (splitmix64(310 + k, n) % np.uint64(2)).astype(int)
        mistaken = splitmix64(410 + k, n) % np.uint64(10) < wrong
        # The last case never says class 1: its precision is 0/0, which counts as 0.
        pred = np.where(mistaken, 1 - y, y) if wrong < 10 else np.zeros(n, int)
        # Rounded, so that some scores tie across classes.
        score = np.round(formula(610 + k, (n,)).double().numpy() + 0.8 * y, 1)
        weighted = m.precision_recall_fscore_support(y, pred, average="weighted", zero_division=0)
        golden.case(
            f"metrics{k}", "metrics", y=y.tolist(), pred=pred.tolist(), score=score.tolist(),
            accuracy=float(m.accuracy_score(y, pred)), precision_weighted=float(weighted[0]),
            recall_weighted=float(weighted[1]), f1_weighted=float(weighted[2]),
            f1_macro=float(m.f1_score(y, pred, average="macro", zero_division=0)),
            mcc=float(m.matthews_corrcoef(y, pred)), roc_auc=float(m.roc_auc_score(y, score)),
            average_precision=float(m.average_precision_score(y, score)),
            confusion_rows_true=m.confusion_matrix(y, pred, labels=[0, 1]).tolist(),
        )


def calibration(golden):
    m = sklearn.metrics
    for k, (n, classes, scale, noise) in enumerate(((60, 2, 6, 5), (60, 2, 1, 0.5), (90, 3, 8, 7), (1, 2, 1, -3))):
        logits = formula(710 + k, (n, classes), scale).double().numpy()
        target = (logits + formula(730 + k, (n, classes), noise).double().numpy()).argmax(1)
        if n == 1:
            target = logits.argmin(1)

        def loss(log_temperature):
            return float(F.cross_entropy(torch.from_numpy(logits / np.exp(log_temperature)), torch.from_numpy(target)))

        limit = math.log(20)
        found = scipy.optimize.minimize_scalar(
            loss, bounds=(-limit, limit), method="bounded", options=dict(xatol=1e-12, maxiter=1000)
        )
        # A search inside an interval never reaches its ends.
        best = limit if loss(limit) <= found.fun else found.x
        p = torch.softmax(torch.from_numpy(logits), 1).numpy()
        confidence, hit = p.max(1), p.argmax(1) == target
        edges = np.linspace(0, 1, 16)
        bins = [(confidence > low) & (confidence <= high) for low, high in itertools.pairwise(edges)]
        golden.case(
            f"calibration{k}", "calibration", gen=dict(logits=[710 + k, scale]), classes=classes, y=target.tolist(),
            temperature=math.exp(best), loss_before=loss(0), loss_after=loss(best),
            ece=float(sum(abs((confidence[b] - hit[b]).sum()) for b in bins) / n),
            counts=[int(b.sum()) for b in bins],
            brier=float(m.brier_score_loss(np.eye(classes)[target], p, scale_by_half=True)),
        )


def curves(golden):
    m = sklearn.metrics
    for k, n in enumerate((12, 200)):
        y = (splitmix64(320 + k, n) % np.uint64(2)).astype(int)
        score = np.round(formula(620 + k, (n,)).double().numpy() + 0.8 * y, 1 if n < 100 else 3)
        fpr, tpr, thresholds = m.roc_curve(y, score)
        precision, recall, levels = m.precision_recall_curve(y, score)
        golden.case(
            f"curves{k}", "curves", y=y.tolist(), score=score.tolist(), fpr=fpr.tolist(), tpr=tpr.tolist(),
            roc_thresholds=[None if math.isinf(t) else t for t in thresholds.tolist()],
            # From the strictest threshold on; without the point at recall 0 that no threshold has.
            precision=precision[-2::-1].tolist(), recall=recall[-2::-1].tolist(), pr_thresholds=levels[::-1].tolist(),
            average_precision=float(m.average_precision_score(y, score)),
        )


def window_averages(golden):
    # height, width, tile, stride, edge
    rows = [
        (140, 180, 64, 32, "none"), (140, 180, 64, 32, "clamp"), (96, 96, 48, 48, "none"), (120, 103, 50, 19, "clamp"),
    ]
    for k, (h, w, tile, stride, edge) in enumerate(rows):

        def starts(length):
            places = list(range(0, length - tile + 1, stride))
            return places + [length - tile] if edge == "clamp" and places[-1] + tile < length else places

        ys, xs = starts(h), starts(w)
        p = formula(810 + k, (len(ys), len(xs)), 0.5).double().numpy() + 0.5
        total, count = np.zeros((h, w)), np.zeros((h, w), np.int32)
        for (row, y), (column, x) in itertools.product(enumerate(ys), enumerate(xs)):
            total[y : y + tile, x : x + tile] += p[row, column]
            count[y : y + tile, x : x + tile] += 1
        average = total / np.maximum(count, 1)
        mask = average > 0.5
        golden.tensors(
            "mask", f"agg{k}", p=p, avg_sub=average[3::7, 5::11], count_sub=count[3::7, 5::11],
            mask_packed=np.packbits(mask.reshape(-1)),
        )
        golden.case(
            f"agg{k}", "window_average", "mask", h=h, w=w, tile=tile, stride=stride, edge=edge, xs=xs, ys=ys,
            white=int(mask.sum()),
            note="avg_sub = avg[3::7,5::11]; mask = avg > 0.5, packed most significant bit first, uncovered pixels 0",
        )


class Network:
    """The adapted LeNet-5, as functions of a list of parameters."""

    names = [f"{layer}.{part}" for layer in ("conv1", "conv2", "conv3", "fc1", "fc2") for part in ("weight", "bias")]

    def __init__(self, width, size, seed):
        c1, c2, c3, hidden = width
        side = ((size // 2) - 4) // 2 - 4
        shapes = [(c1, 3, 5, 5), (c2, c1, 5, 5), (c3, c2, 5, 5), (hidden, c3 * side * side), (2, hidden)]
        self.parameters = []
        for layer, shape in enumerate(shapes):
            scale = float(np.float32(1 / math.sqrt(math.prod(shape[1:]))))
            for part, (shape_, scale_) in enumerate(((shape, scale), (shape[:1], 0.0625))):
                values = formula(seed + 2 * layer + part, shape_, scale_)
                self.parameters.append(values.double().requires_grad_())

    def __call__(self, x, mask=None):
        w1, b1, w2, b2, w3, b3, w4, b4, w5, b5 = self.parameters
        x = F.avg_pool2d(F.relu(F.conv2d(x, w1, b1, padding=2)), 2)
        x = F.avg_pool2d(F.relu(F.conv2d(x, w2, b2)), 2)
        x = F.relu(F.conv2d(x, w3, b3)).flatten(1)
        x = F.relu(F.linear(x, w4, b4))
        if mask is not None:
            x = x * mask * 2
        return F.linear(x, w5, b5)


def stained_tiles(size):
    """Two smooth RGB tiles in the colours of H&E; the second has dark discs like nuclei."""
    row, column = np.mgrid[0:size, 0:size].astype(np.float64)
    tiles = []
    for k in range(2):
        red = 225 - 14 * np.sin(column / (9 + 2 * k)) - 9 * np.cos(row / 11)
        green = 170 + 18 * np.sin((row + column) / 15)
        blue = 205 + 12 * np.cos((column - row) / 8 + k)
        tile = np.stack([red, green, blue], axis=-1)
        if k == 1:
            places = (splitmix64(4300, 24) % np.uint64(size)).astype(int).reshape(-1, 2)
            for y, x in places:
                tile[(row - y) ** 2 + (column - x) ** 2 < 30] = (96, 58, 142)
        tiles.append(tile.clip(0, 255).astype(np.uint8))
    return np.stack(tiles)


def networks(golden):
    tiles = stained_tiles(64)
    golden.tensors("net", "tiles", u8_nhwc=tiles)
    x = ((torch.from_numpy(tiles).permute(0, 3, 1, 2).float() / 255.0 - 0.5) / 0.5).double()
    targets = torch.tensor([0, 1])

    def loss_of(network, mask=None):
        return F.cross_entropy(network(x, mask), targets, label_smoothing=0.1)

    def adam(parameters):
        return torch.optim.Adam(parameters, lr=1e-3, weight_decay=1e-4)

    def sgd(parameters):
        return torch.optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=1e-4)

    kinds = dict(adam=("Adam lr 1e-3 wd 1e-4", adam), sgd=("SGD lr 0.05 momentum 0.9 wd 1e-4", sgd))
    sizes = [("tiny64", (2, 3, 4, 5), 64, 900), ("narrow64", (3, 5, 7, 11), 64, 200)]
    for (name, width, size, seed), (kind, (words, make)) in itertools.product(sizes, kinds.items()):
        network = Network(width, size, seed)
        masks = torch.stack([(formula(seed + 50 + k, (2, width[3])) > 0) for k in range(5)])
        results = dict(dropout_masks=masks.to(torch.uint8), logits_eval=network(x))
        loss = loss_of(network)
        results["loss_eval"] = loss.reshape(1)
        if kind == "adam":
            for key, grad in zip(Network.names, torch.autograd.grad(loss, network.parameters)):
                if key == "fc1.weight":
                    index = (splitmix64(55, 300) % np.uint64(grad.numel())).astype(np.int64)
                    results |= {
                        f"grad.{key}.index": index,
                        f"grad.{key}.sample": grad.reshape(-1)[torch.from_numpy(index)],
                        f"grad.{key}.sumsq": (grad**2).sum().reshape(1),
                    }
                else:
                    results["grad." + key] = grad
        optimizer = make(network.parameters)
        history, norms = [], []
        for mask in masks:
            optimizer.zero_grad()
            loss = loss_of(network, mask)
            loss.backward()
            norms.append(torch.nn.utils.clip_grad_norm_(network.parameters, 1.0))
            optimizer.step()
            history.append(loss.detach())
        results |= dict(losses=torch.stack(history), grad_norms=torch.stack(norms), logits_after=network(x))
        golden.tensors("net", f"{name}_{kind}", **results)
        golden.case(
            f"{name}_{kind}", "network", "net", width=width, size=size, seed=seed, optimizer=words, targets=[0, 1],
            label_smoothing=0.1, clip=1.0, steps=5,
            input="tiles.u8_nhwc -> NCHW/255 -> (x-0.5)/0.5 in float32; larger tiles -> crop rows 64:128, cols 32:96",
            params="parameter k (order conv1.weight, conv1.bias, ..., fc2.bias) = gen(seed+k, shape, scale), "
            "scale = float32(1/sqrt(fan_in)) for weights, 0.0625 for biases",
            note="losses: 5 training steps, dropout p=0.5 with dropout_masks[k] (h*mask*2), clip_grad_norm 1.0 before "
            "step; logits_eval, loss_eval, grad.* without dropout before training; logits_after: after 5 steps, "
            "no dropout",
        )


class BasicBlock(torch.nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        convolution = functools.partial(torch.nn.Conv2d, bias=False)
        self.conv1 = convolution(inputs, outputs, 3, stride, 1)
        self.bn1 = torch.nn.BatchNorm2d(outputs)
        self.conv2 = convolution(outputs, outputs, 3, 1, 1)
        self.bn2 = torch.nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride > 1 or inputs != outputs:
            self.downsample = torch.nn.Sequential(
                convolution(inputs, outputs, 1, stride), torch.nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResidualNetwork(torch.nn.Module):
    """A residual network like `compact`, with one block more whose short cut is its input itself."""

    def __init__(self, widths, seed):
        super().__init__()
        c1, c2, c3 = widths
        self.conv1 = torch.nn.Conv2d(3, c1, 5, 2, 2, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(c1)
        self.layer1 = torch.nn.Sequential(BasicBlock(c1, c2, 1))
        self.layer2 = torch.nn.Sequential(BasicBlock(c2, c3, 2))
        self.layer3 = torch.nn.Sequential(BasicBlock(c3, c3, 1))
        self.fc = torch.nn.Linear(2 * c3, 2)
        self.double()
        for k, (name, parameter) in enumerate(self.named_parameters()):
            norm = parameter.dim() == 1
            scale = 0.3 if norm else float(np.float32(1 / math.sqrt(math.prod(parameter.shape[1:]))))
            offset = 1 if norm and name.endswith("weight") else 0
            parameter.data = (formula(seed + k, parameter.shape, scale) + offset).double()

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))


def residual_networks(golden):
    kinds = dict(
        adam=("Adam lr 1e-2 wd 1e-3", lambda p: torch.optim.Adam(p, lr=1e-2, weight_decay=1e-3)),
        sgd=("SGD lr 0.05 momentum 0.9 wd 1e-3", lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=1e-3)),
    )
    widths, seed, shape = (3, 4, 6), 5000, (5, 3, 26, 22)
    x, targets = formula(4999, shape).double(), torch.tensor([0, 1, 1, 0, 1])
    for kind, (words, make) in kinds.items():
        network = ResidualNetwork(widths, seed)
        results = {}
        optimizer = make(network.parameters())
        history, norms = [], []
        for step in range(5):
            optimizer.zero_grad()
            logits = network(x)
            loss = F.cross_entropy(logits, targets, label_smoothing=0.1)
            loss.backward()
            if step == 0:
                results |= dict(logits=logits) | {f"grad.{key}": p.grad.clone() for key, p in network.named_parameters()}
            norms.append(torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0))
            optimizer.step()
            history.append(loss.detach())
        after = {f"after.{key}": value for key, value in network.state_dict().items() if value.dtype == torch.float64}
        network.eval()
        results |= dict(losses=torch.stack(history), grad_norms=torch.stack(norms), logits_eval=network(x)) | after
        golden.tensors("residual", f"residual_{kind}", **results)
        golden.case(
            f"residual_{kind}", "residual_network", "residual", widths=widths, shape=shape, seed=seed, input_seed=4999,
            optimizer=words, targets=targets.tolist(), label_smoothing=0.1, clip=1.0, steps=5,
            parameters=[key for key, _ in network.named_parameters()],
            note="input = gen(input_seed, shape); parameter k = gen(seed+k, shape, scale), scale = "
            "float32(1/sqrt(fan_in)) for tensors of two dimensions or more, else 0.3, and 1 is added to norms' weights; "
            "logits, grad.* of the first step; after.*: state after 5 steps; logits_eval: in evaluation mode after them",
        )


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
