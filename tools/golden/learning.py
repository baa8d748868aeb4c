"""Optimizers, schedules, metrics, calibration, averages over windows."""

import itertools
import math

import numpy as np
import scipy.optimize
import sklearn.metrics
import torch
import torch.nn.functional as F

from collection import formula, splitmix64


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
    # Gradients of very different magnitudes, and zeros in the last step.
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
        # The last case never predicts class 1: its precision is 0/0, which counts as 0.
        pred = np.where(mistaken, 1 - y, y) if wrong < 10 else np.zeros(n, int)
        # Rounded to get ties between classes.
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
        # The bounded search never evaluates the ends of the interval.
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
        fpr, tpr, thresholds = m.roc_curve(y, score, drop_intermediate=False)
        precision, recall, levels = m.precision_recall_curve(y, score)
        golden.case(
            f"curves{k}", "curves", y=y.tolist(), score=score.tolist(), fpr=fpr.tolist(), tpr=tpr.tolist(),
            roc_thresholds=[None if math.isinf(t) else t for t in thresholds.tolist()],
            # From the highest threshold on, without the point at recall 0, which has no threshold.
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
