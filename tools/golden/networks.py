"""Whole networks: outputs, gradients and a few training steps."""

import functools
import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F

from collection import formula, splitmix64


class Network:
    """The adapted LeNet-5 as functions of a list of parameters."""

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
    """Two smooth RGB tiles in the colors of H&E; the second has dark discs like nuclei."""
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
    """A residual network like `compact`, with an additional block that has an identity shortcut."""

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


class ResNet(torch.nn.Module):
    """ResNet-18 with other widths, layers and names as torchvision's."""

    def __init__(self, widths, classes):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, widths[0], 7, 2, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(widths[0])
        for level, width in enumerate(widths):
            inputs, stride = (widths[level - 1], 2) if level else (width, 1)
            blocks = BasicBlock(inputs, width, stride), BasicBlock(width, width, 1)
            self.add_module(f"layer{level + 1}", torch.nn.Sequential(*blocks))
        self.fc = torch.nn.Linear(widths[-1], classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def resnets(golden):
    """Training with batch normalization in evaluation mode."""
    widths, seed, shape = (3, 4, 5, 6), 6000, (3, 3, 70, 50)
    x, targets = formula(5999, shape).double(), torch.tensor([0, 1, 1])
    network = ResNet(widths, 2).double().eval()
    for k, (name, parameter) in enumerate(network.named_parameters()):
        norm = parameter.dim() == 1
        scale = 0.3 if norm else float(np.float32(1 / math.sqrt(math.prod(parameter.shape[1:]))))
        parameter.data = (formula(seed + k, parameter.shape, scale) + (norm and name.endswith("weight"))).double()
    buffers = [(name, b) for name, b in network.named_buffers() if b.dim()]
    for k, (name, buffer) in enumerate(buffers):
        buffer.copy_(formula(seed + 500 + k, buffer.shape, 0.3) + name.endswith("var"))
    logits = network(x)
    loss = F.cross_entropy(logits, targets, label_smoothing=0.1)
    loss.backward()
    gradients = {f"grad.{name}": p.grad for name, p in network.named_parameters()}
    golden.tensors("resnet", "resnet_evaluation", logits=logits, losses=loss.reshape(1), **gradients)
    golden.case(
        "resnet_evaluation", "resnet_evaluation", "resnet", widths=widths, shape=shape, seed=seed, input_seed=5999,
        targets=targets.tolist(), label_smoothing=0.1, parameters=[name for name, _ in network.named_parameters()],
        buffers=[name for name, _ in buffers], buffer_seed=seed + 500,
        note="as residual_network; buffer k = gen(buffer_seed+k, shape, 0.3), and 1 is added to variances; gradients with "
        "batch normalization in evaluation mode",
    )


class UNet(torch.nn.Module):
    """A U-Net like `unet`. Names of modules have underscores, because they cannot have dots."""

    def __init__(self, widths):
        super().__init__()
        levels = len(widths)
        for level, width in enumerate(widths):
            for index in range(3 if level == levels - 1 else 2):
                inputs = width if index else widths[level - 1] if level else 3
                self.add(f"encoder{level}_{index}", inputs, width, 1 if index else 2)
        for level in reversed(range(levels - 1)):
            setattr(self, f"decoder{level}_project", torch.nn.Conv2d(widths[level + 1], widths[level], 1))
            self.add(f"decoder{level}_0", widths[level], widths[level], 1)
        self.head = torch.nn.Conv2d(widths[0], 12, 1)
        self.levels = levels

    def add(self, name, inputs, outputs, stride):
        setattr(self, f"{name}_conv", torch.nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False))
        setattr(self, f"{name}_bn", torch.nn.BatchNorm2d(outputs))

    def convolve(self, name, x):
        return F.relu(getattr(self, f"{name}_bn")(getattr(self, f"{name}_conv")(x)))

    def forward(self, x):
        features = []
        for level in range(self.levels):
            for index in range(3 if level == self.levels - 1 else 2):
                x = self.convolve(f"encoder{level}_{index}", x)
            features.append(x)
        for level in reversed(range(self.levels - 1)):
            coarse = getattr(self, f"decoder{level}_project")(x)
            x = features[level] + F.interpolate(coarse, scale_factor=2, mode="nearest")
            x = self.convolve(f"decoder{level}_0", x)
        return F.pixel_shuffle(self.head(x), 2)


def pixel_loss(logits, classes, truth, settings):
    """Cross-entropy and soft Dice of pixels with a class, and the cross-entropy of the scores of tiles without outlines."""
    ignored = 255
    known = torch.stack([
        plane if kind == "classes" else torch.full_like(plane, 0 if kind == "absent" else ignored)
        for plane, kind in zip(classes, truth)
    ])
    weight = torch.tensor(settings["class_weights"], dtype=torch.float64)
    loss = F.cross_entropy(logits, known, weight=weight, ignore_index=ignored)
    p = torch.softmax(logits, 1)
    has_class = known != ignored
    overlaps = []
    for predicted, true in ((p[:, 1], known == 1), (1 - p[:, 0], known != 0)):
        predicted, true = predicted[has_class], true[has_class].double()
        overlaps.append((2 * (predicted * true).sum() + 1) / (predicted.sum() + true.sum() + 1))
    loss = loss + settings["dice_weight"] * (1 - sum(overlaps) / 2)
    terms = []
    for nuclei, kind in zip(1 - p[:, 0], truth):
        score = nuclei.flatten().topk(settings["scored_pixels"]).values.mean()
        if kind == "any":
            terms.append(-settings["any_weight"] * torch.log(score))
        elif kind == "absent":
            terms.append(-settings["absent_weight"] * torch.log(1 - score))
    return loss + sum(terms) / len(terms)


def unets(golden):
    """Outputs, loss and gradients of a network that classifies pixels."""
    truth = ["classes", "any", "absent", "none", "classes"]
    settings = dict(class_weights=[1, 1, 2], dice_weight=1, any_weight=0.25, absent_weight=0.075, scored_pixels=64)
    for k, (widths, size) in enumerate((((4, 6, 5), (16, 24)), ((3, 5), (12, 20)))):
        seed, shape = 7000 + 200 * k, (len(truth), 3, *size)
        x = formula(seed - 1, shape).double()
        classes = (splitmix64(seed - 2, len(truth) * size[0] * size[1]) % np.uint64(4)).astype(np.uint8)
        classes = np.where(classes == 3, 255, classes).astype(np.uint8).reshape(len(truth), *size)
        network = UNet(widths).double()
        for index, (name, parameter) in enumerate(network.named_parameters()):
            vector = parameter.dim() == 1
            scale = 0.3 if vector else float(np.float32(1 / math.sqrt(math.prod(parameter.shape[1:]))))
            offset = vector and name.endswith("weight")
            parameter.data = (formula(seed + index, parameter.shape, scale) + offset).double()
        logits = network(x)
        loss = pixel_loss(logits, torch.from_numpy(classes.astype(np.int64)), truth, settings)
        loss.backward()

        def name_here(name):
            """`encoder0_1_conv.weight` is `encoder0.1.conv.weight` here."""
            return name.replace("_", ".")

        gradients = {f"grad.{name_here(name)}": p.grad for name, p in network.named_parameters()}
        golden.tensors(
            "unet", f"unet{k}", classes=classes, logits=logits, losses=loss.reshape(1), **gradients)
        golden.case(
            f"unet{k}", "unet", "unet", widths=widths, shape=shape, seed=seed, input_seed=seed - 1, truth=truth,
            parameters=[name_here(name) for name, _ in network.named_parameters()], **settings,
            note="as residual_network; classes: of pixels, 255 is none; loss of pixels, gradients of it",
        )
