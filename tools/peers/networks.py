"""The architectures of this project in PyTorch, with the same layer names."""
import torch
from torch import nn


class LeNet5(nn.Module):
    def __init__(self, classes=2, dropout=0.5):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.conv3 = nn.Conv2d(16, 120, 5)
        self.fc1 = nn.Linear(120 * 58 * 58, 84)
        self.fc2 = nn.Linear(84, classes)
        self.pool = nn.AvgPool2d(2)
        self.dropout = nn.Dropout(dropout)

    def features(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        return torch.relu(self.conv3(x))

    def classify(self, x):
        return self.fc2(self.dropout(torch.relu(self.fc1(x.flatten(1)))))

    def forward(self, x):
        return self.classify(self.features(x))


class Trunk(nn.Module):
    """Convolutions of a LeNet-5."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network.features(x)


class Head(nn.Module):
    """Dense layers of a LeNet-5."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network.classify(x)


class Block(nn.Module):
    """Residual block: two 3x3 convolutions and a shortcut, projected where shapes differ."""

    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.downsample = nn.Identity()
        if inputs != filters or stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class Compact(nn.Module):
    def __init__(self, classes=2, dropout=0.5):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 5, 2, 2, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.maxpool = nn.MaxPool2d(2)
        self.layer1 = nn.Sequential(Block(16, 24, 1))
        self.layer2 = nn.Sequential(Block(24, 48, 2))
        self.layer3 = nn.Sequential(Block(48, 96, 2))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(2 * 96, classes)

    def forward(self, x):
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(self.dropout(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)))


class ResNet18(nn.Module):
    def __init__(self, classes=2, dropout=0.5):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Block(64, 64, 1), Block(64, 64, 1))
        self.layer2 = nn.Sequential(Block(64, 128, 2), Block(128, 128, 1))
        self.layer3 = nn.Sequential(Block(128, 256, 2), Block(256, 256, 1))
        self.layer4 = nn.Sequential(Block(256, 512, 2), Block(512, 512, 1))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.dropout(x.mean((2, 3))))


class Convolution(nn.Module):
    """3x3 convolution, batch normalization and ReLU."""

    def __init__(self, inputs, filters, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, filters, 3, stride, 1, bias=False)
        self.bn = nn.BatchNorm2d(filters)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


class Decoder(nn.Module):
    """Adds projected coarser features to those of the encoder, and convolves."""

    def __init__(self, inputs, filters):
        super().__init__()
        self.project = nn.Conv2d(inputs, filters, 1)
        self.add_module("0", Convolution(filters, filters))

    def forward(self, fine, coarse):
        coarse = nn.functional.interpolate(self.project(coarse), scale_factor=2, mode="nearest")
        return self.get_submodule("0")(fine + coarse)


class UNet(nn.Module):
    """Logits of the classes of pixels."""

    def __init__(self, classes=3, widths=(16, 32, 96), dropout=0.1):
        super().__init__()
        def level(inputs, filters, count):
            return nn.Sequential(*(Convolution(filters if i else inputs, filters, 1 if i else 2) for i in range(count)))
        self.encoder0 = level(3, widths[0], 2)
        self.encoder1 = level(widths[0], widths[1], 2)
        self.encoder2 = level(widths[1], widths[2], 3)
        self.dropout = nn.Dropout(dropout)
        self.decoder1 = Decoder(widths[2], widths[1])
        self.decoder0 = Decoder(widths[1], widths[0])
        self.head = nn.Conv2d(widths[0], 4 * classes, 1)

    def forward(self, x):
        fine = self.encoder0(x)
        middle = self.encoder1(fine)
        x = self.decoder1(middle, self.dropout(self.encoder2(middle)))
        return nn.functional.pixel_shuffle(self.head(self.decoder0(fine, x)), 2)


ARCHITECTURES = {
    "lenet5": LeNet5, "compact": Compact, "resnet18": ResNet18, "unet": UNet,
    "unet-wide": lambda: UNet(widths=(24, 48, 96)),
}


def load(name, path):
    """A network with the weights of a model file, without initializing them first."""
    from safetensors.torch import load_file

    with torch.device("meta"):
        network = ARCHITECTURES[name]()
    # Batch counters of PyTorch's batch normalization, which the files do not contain.
    state = load_file(path)
    for key, value in network.state_dict().items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.zeros((), dtype=value.dtype)
    network.load_state_dict(state, assign=True)
    return network
