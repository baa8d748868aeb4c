"""Layers of a network: values and gradients."""

import itertools

import numpy as np
import torch
import torch.nn.functional as F

from collection import gradients, leaves, splitmix64


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

    # Few different values: every window has ties, and the first maximum counts.
    x = (golden.random(2, 3, 8, 9) * 2).round()
    (xd,) = leaves(x)
    y = F.max_pool2d(xd, 2, 2)
    gy = golden.random(*y.shape)
    golden.tensors("layers", "max_pool_ties", x=x, gy=gy, y=y, **gradients(y, gy, x=xd))
    golden.case("max_pool_ties", "max_pool2d", "layers", kernel=2, stride=2, ceil_mode=False, shape=x.shape)

    # At most one NaN in a window, at each place. Which of several gets the gradient is unspecified.
    x = golden.random(1, 2, 4, 8)
    for row, column in ((0, 0), (0, 3), (3, 4), (2, 7)):
        x[0, 0, row, column] = float("nan")
    x[0, 1, 0, 0], x[0, 1, 1, 1], x[0, 1, 2:4, 2:4] = float("inf"), float("-inf"), float("-inf")
    (xd,) = leaves(x)
    y = F.max_pool2d(xd, 2, 2)
    gy = golden.random(*y.shape)
    golden.tensors("layers", "max_pool_nan", x=x, gy=gy, y=y, **gradients(y, gy, x=xd))
    golden.case("max_pool_nan", "max_pool2d", "layers", kernel=2, stride=2, ceil_mode=False, shape=x.shape)


def padded_pools(golden):
    rows = [
        ("max_pool_k3s2p1", (2, 3, 9, 10), 3, 2, 1),
        ("max_pool_k3s2p1_even", (1, 4, 8, 8), 3, 2, 1),
        ("max_pool_k3s1p1", (1, 2, 5, 6), 3, 1, 1),
        ("max_pool_k4x2_p2x1", (2, 2, 6, 5), (4, 2), (3, 2), (2, 1)),
        ("max_pool_small_image", (1, 3, 1, 2), 3, 2, 1),
    ]
    for name, shape, kernel, stride, padding in rows:
        # Zeros in place of the padding would win.
        x = golden.random(*shape) - 2
        (xd,) = leaves(x)
        y = F.max_pool2d(xd, kernel, stride, padding)
        gy = golden.random(*y.shape)
        golden.tensors("layers", name, x=x, gy=gy, y=y, **gradients(y, gy, x=xd))
        golden.case(
            name, "max_pool2d", "layers", kernel=kernel, stride=stride, padding=padding, ceil_mode=False, shape=shape)


def relu(golden):
    special = [0.0, -0.0, 1e-45, -1e-45, 1e-39, float("inf"), float("-inf"), 3.4e38, -3.4e38]
    x = torch.cat([golden.random(61), torch.tensor(special)])
    (xd,) = leaves(x)
    y = F.relu(xd)
    gy = golden.random(*y.shape)
    golden.tensors("layers", "relu", x=x, gy=gy, y=y, **gradients(y, gy, x=xd))
    golden.case("relu", "relu", "layers", note="the gradient at 0 is 0; includes -0, denormals, infinities")
    # Values only: no gradient is compared where y is NaN.
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
        # A mean far from 0, which needs accurate sums for the variance.
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


def distillations(golden):
    for k, shape in enumerate(((1, 2), (7, 2), (3, 5), (2, 3, 4, 6))):
        models = 1 + k % 3
        x, teachers = golden.random(*shape, scale=4.0), golden.random(models, *shape, scale=4.0)
        xd, p = x.double().requires_grad_(), F.softmax(teachers.double(), 2).mean(0)
        loss = F.cross_entropy(xd, p)
        (gx,) = torch.autograd.grad(loss, xd)
        name = f"distill_{'x'.join(map(str, shape))}_{models}"
        golden.tensors("loss", name, x=x, teachers=teachers, p=p, loss=loss.reshape(1), gx=gx)
        golden.case(name, "distillation", "loss", shape=list(shape), models=models)
