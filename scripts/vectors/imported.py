"""Writes test/vectors/imported: a small CNN as PyTorch exports it for inference, batch normalization folded, and what it answers."""

import json
import pathlib

import torch
from torch import nn

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "test" / "vectors" / "imported"


class SmallCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.pool = nn.MaxPool2d(2)
        self.fc1, self.fc = nn.Linear(64, 32), nn.Linear(32, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.bn1(self.conv1(x))))
        x = self.pool(torch.relu(self.bn2(self.conv2(x))))
        return self.fc(torch.relu(self.fc1(torch.flatten(x, 1))))


def main():
    torch.manual_seed(0)
    model = SmallCnn().eval()
    x = torch.linspace(-1, 1, 2 * 64).reshape(2, 1, 8, 8)
    torch.onnx.export(
        model,
        (x,),
        str(FOLDER / "small-cnn.onnx"),
        dynamo=False,
        opset_version=13,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}},
    )
    (FOLDER / "small-cnn.json").write_text(json.dumps({"logits": model(x).flatten().tolist()}) + "\n")


if __name__ == "__main__":
    main()
