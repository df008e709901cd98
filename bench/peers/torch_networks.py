"""The networks of bench/networks.ts in PyTorch. Each is a model, and a function of a random generator to a batch."""

import torch
from torch import nn


def perceptron(sizes, activation=nn.ReLU):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


def lenet():
    convolution = lambda inputs, outputs: [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    rows = [nn.Flatten(), nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10)]
    return nn.Sequential(*convolution(1, 16), *convolution(16, 32), *rows)


class Normed(nn.Sequential):
    """A convolution that keeps the size but for its stride, and batch norm."""

    def __init__(self, inputs, outputs, window, stride):
        convolution = nn.Conv2d(inputs, outputs, window, stride, window // 2, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(outputs))


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.conv2 = Normed(inputs, outputs, 3, stride), Normed(outputs, outputs, 3, 1)
        self.shortcut = nn.Identity() if inputs == outputs and stride == 1 else Normed(inputs, outputs, 1, stride)

    def forward(self, x):
        return (self.conv2(self.conv1(x).relu()) + self.shortcut(x)).relu()


class ResNet8(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = Normed(3, 16, 3, 1)
        self.blocks = nn.Sequential(ResidualBlock(16, 16, 1), ResidualBlock(16, 32, 2), ResidualBlock(32, 64, 2))
        self.output = nn.Linear(64, 10)

    def forward(self, x):
        return self.output(self.blocks(self.stem(x).relu()).mean((2, 3)))


class LastState(nn.Module):
    """An LSTM whose last hidden state is classified."""

    def __init__(self):
        super().__init__()
        self.lstm, self.output = nn.LSTM(16, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, x):
        return self.output(self.lstm(x)[0][:, -1])


class GPT(nn.Module):
    """A decoder: width 128, four layers of four heads, norms first, GELU, learned positions."""

    def __init__(self, vocabulary=65, width=128, heads=4, layers=4, context=64):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        options = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, 4 * width, **options) for _ in range(layers)
        )
        self.norm, self.output = nn.LayerNorm(width), nn.Linear(width, vocabulary)
        hidden = torch.full((context, context), float("-inf"), dtype=torch.get_default_dtype()).triu(1)
        self.register_buffer("hidden", hidden)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions.weight
        for block in self.blocks:
            x = block(x, src_mask=self.hidden, is_causal=True)
        return self.output(self.norm(x))


class Network:
    """`x` is the input's shape; below `vocabulary` where it is of tokens, each of which has a label."""

    def __init__(self, model, x, classes, vocabulary=None):
        self.model, self.x, self.classes, self.vocabulary = model, x, classes, vocabulary

    def batch(self):
        """Noise, and each class in turn."""
        x = torch.rand(self.x) if self.vocabulary is None else torch.randint(self.vocabulary, self.x)
        return x, self.labels()

    def labels(self):
        shape = self.x[:1] if self.vocabulary is None else self.x
        return (torch.arange(torch.Size(shape).numel()) % self.classes).reshape(shape)


NETWORKS = {
    "mlp-small": Network(lambda: perceptron([4, 64, 64, 2]), (64, 4), 2),
    "mlp-mnist": Network(lambda: perceptron([784, 128, 10]), (64, 784), 10),
    "mlp-wide": Network(lambda: perceptron([784, 512, 512, 10]), (128, 784), 10),
    "lenet": Network(lenet, (64, 1, 28, 28), 10),
    "resnet8": Network(ResNet8, (64, 3, 32, 32), 10),
    "lstm": Network(LastState, (32, 50, 16), 10),
    "gpt": Network(GPT, (16, 64), 65, vocabulary=65),
}


def training(network, model, x, y):
    """One whole step of eager PyTorch: zero_grad, forward, softmax cross-entropy, backward, Adam at its defaults."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_of = nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad()
        loss = loss_of(model(x).reshape(-1, network.classes), y.reshape(-1))
        loss.backward()
        optimizer.step()
        return loss

    return step
