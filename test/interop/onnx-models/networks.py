"""The networks that users bring, with random weights: written for this test, small where size shows nothing."""

import torch
from torch import nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.down = None
        if stride != 1 or before != after:
            self.down = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.down is None else self.down(x)))


class ResNet18(nn.Module):
    """He et al. 2016, table 1; 11,689,512 parameters."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        widths = [64, 64, 128, 256, 512]
        blocks = []
        for index in range(4):
            before, after = widths[index], widths[index + 1]
            blocks += [BasicBlock(before, after, 1 if index == 0 else 2), BasicBlock(after, after, 1)]
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(512, 1000)

    def forward(self, image):
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(self.blocks(self.stem(image)), 1), 1))


class SqueezeExcite(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.down, self.up = nn.Conv2d(width, width // 4, 1), nn.Conv2d(width // 4, width, 1)

    def forward(self, x):
        return x * F.hardsigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))))


class InvertedResidual(nn.Module):
    def __init__(self, before, inner, after, kernel, stride, squeeze, hard):
        super().__init__()
        act = nn.Hardswish if hard else nn.ReLU
        self.layers = nn.Sequential(
            nn.Conv2d(before, inner, 1, bias=False), nn.BatchNorm2d(inner), act(),
            nn.Conv2d(inner, inner, kernel, stride, kernel // 2, groups=inner, bias=False), nn.BatchNorm2d(inner),
            SqueezeExcite(inner) if squeeze else nn.Identity(), act(),
            nn.Conv2d(inner, after, 1, bias=False), nn.BatchNorm2d(after),
        )  # fmt: skip
        self.residual = stride == 1 and before == after

    def forward(self, x):
        return x + self.layers(x) if self.residual else self.layers(x)


class MobileNetV3(nn.Module):
    """The blocks of MobileNetV3 small (Howard et al. 2019, table 2)."""

    def __init__(self):
        super().__init__()
        rows = [
            (16, 16, 16, 3, 2, True, False), (16, 72, 24, 3, 2, False, False), (24, 88, 24, 3, 1, False, False),
            (24, 96, 40, 5, 2, True, True), (40, 240, 40, 5, 1, True, True), (40, 120, 48, 5, 1, True, True),
            (48, 288, 96, 5, 2, True, True), (96, 576, 96, 5, 1, True, True),
        ]  # fmt: skip
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.Hardswish())
        self.blocks = nn.Sequential(*[InvertedResidual(*row) for row in rows])
        self.last = nn.Sequential(nn.Conv2d(96, 576, 1, bias=False), nn.BatchNorm2d(576), nn.Hardswish())
        self.head = nn.Sequential(nn.Linear(576, 1024), nn.Hardswish(), nn.Linear(1024, 100))

    def forward(self, image):
        return self.head(torch.flatten(F.adaptive_avg_pool2d(self.last(self.blocks(self.stem(image))), 1), 1))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x, mask, past=None):
        batch, time, width = x.shape
        parts = self.qkv(x).reshape(batch, time, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = parts[0], parts[1], parts[2]
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        scores = q @ k.transpose(-1, -2) / (width // self.heads) ** 0.5
        weights = torch.softmax(scores + mask, -1)
        return self.out((weights @ v).transpose(1, 2).reshape(batch, time, width)), torch.stack([k, v])


class Block(nn.Module):
    def __init__(self, width, heads, before):
        super().__init__()
        self.before, self.attention = before, Attention(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, mask, past=None):
        if self.before:
            y, present = self.attention(self.norm1(x), mask, past)
            x = x + y
            return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh")), present
        y, present = self.attention(x, mask, past)
        x = self.norm1(x + y)
        return self.norm2(x + self.down(F.gelu(self.up(x)))), present


class Bert(nn.Module):
    """An encoder with a mask of what is padding (Devlin et al. 2019), two layers of it."""

    def __init__(self, width=64, heads=4, layers=2):
        super().__init__()
        self.words, self.places, self.types = nn.Embedding(200, width), nn.Embedding(32, width), nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList([Block(width, heads, False) for _ in range(layers)])
        self.pooler = nn.Linear(width, width)

    def forward(self, input_ids, attention_mask, token_type_ids):
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        x = self.norm(self.words(input_ids) + self.places(places) + self.types(token_type_ids))
        mask = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * -1e4
        for block in self.blocks:
            x, _ = block(x, mask)
        return x, torch.tanh(self.pooler(x[:, 0]))


class Gpt2(nn.Module):
    """A decoder that goes on from keys and values of before (Radford et al. 2019), two layers of it."""

    def __init__(self, width=64, heads=4, layers=2):
        super().__init__()
        self.words, self.places = nn.Embedding(200, width), nn.Embedding(64, width)
        self.blocks = nn.ModuleList([Block(width, heads, True) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)

    def forward(self, input_ids, past):
        time, before = input_ids.shape[1], past.shape[4]
        places = torch.arange(before, before + time, device=input_ids.device)
        x = self.words(input_ids) + self.places(places)
        mask = torch.triu(torch.full((time, before + time), -1e4, device=x.device), before + 1)
        presents = []
        for index, block in enumerate(self.blocks):
            x, present = block(x, mask, past[index])
            presents.append(present)
        return self.norm(x) @ self.words.weight.T, torch.stack(presents)


class Tagger(nn.Module):
    """A tag for each word from an LSTM in both directions."""

    def __init__(self):
        super().__init__()
        self.words, self.tags = nn.Embedding(100, 16), nn.Linear(48, 7)
        self.lstm = nn.LSTM(16, 24, num_layers=2, bidirectional=True, batch_first=True)

    def forward(self, words):
        return self.tags(self.lstm(self.words(words))[0])


class UNet(nn.Module):
    """Down and up again, with a way across at each size (Ronneberger et al. 2015)."""

    def __init__(self, widths=(8, 16, 32)):
        super().__init__()
        twice = lambda a, b: nn.Sequential(nn.Conv2d(a, b, 3, 1, 1), nn.ReLU(), nn.Conv2d(b, b, 3, 1, 1), nn.ReLU())
        self.down1, self.down2, self.bottom = twice(1, widths[0]), twice(widths[0], widths[1]), twice(widths[1], widths[2])
        self.up2, self.up1 = nn.ConvTranspose2d(widths[2], widths[1], 2, 2), nn.Upsample(scale_factor=2, mode="bilinear")
        self.merge2, self.merge1 = twice(2 * widths[1], widths[1]), twice(widths[1] + widths[0], widths[0])
        self.out = nn.Conv2d(widths[0], 2, 1)

    def forward(self, image):
        a = self.down1(image)
        b = self.down2(F.max_pool2d(a, 2))
        x = self.merge2(torch.cat([self.up2(self.bottom(F.max_pool2d(b, 2))), b], 1))
        return self.out(self.merge1(torch.cat([self.up1(x), a], 1)))


def settled(model):
    """Running statistics as after some training, so that batch normalization does something."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    return model.eval()


def networks():
    """By name: the module, its inputs by name, and which axes are open."""
    torch.manual_seed(0)
    ids = lambda *shape: torch.randint(0, 90, shape)
    image = lambda *shape: torch.rand(*shape)
    return {
        "resnet18": (ResNet18(), {"image": image(2, 3, 64, 64)}, {"image": {0: "batch"}}),
        "mobilenetv3": (MobileNetV3(), {"image": image(2, 3, 64, 64)}, {"image": {0: "batch"}}),
        "bert": (
            Bert(),
            {"input_ids": ids(2, 9), "attention_mask": (torch.rand(2, 9) > 0.3).long(), "token_type_ids": ids(2, 9) % 2},
            {name: {0: "batch", 1: "time"} for name in ("input_ids", "attention_mask", "token_type_ids")},
        ),
        "gpt2": (
            Gpt2(),
            {"input_ids": ids(1, 3), "past": torch.randn(2, 2, 1, 4, 5, 16)},
            {"input_ids": {1: "time"}, "past": {4: "before"}},
        ),
        "tagger": (Tagger(), {"words": ids(2, 11)}, {"words": {0: "batch", 1: "time"}}),
        "unet": (UNet(), {"image": image(1, 1, 32, 32)}, {"image": {0: "batch"}}),
    }
