"""Makes data/ from the files inside a scikit-learn wheel. Standard library only.

    pip download scikit-learn==1.7.2 --no-deps -d .cache/datasets
    python3 scripts/make-datasets.py .cache/datasets/scikit_learn-1.7.2-*.whl

Tables become CSV with a header and class names spelled out; the digits become one safetensors file.
"""

import csv
import gzip
import io
import json
import struct
import sys
import zipfile
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"

IRIS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
WINE = (
    "alcohol malic_acid ash alcalinity_of_ash magnesium total_phenols flavanoids nonflavanoid_phenols "
    "proanthocyanins color_intensity hue od280_od315 proline"
).split()
CELL = "radius texture perimeter area smoothness compactness concavity concave_points symmetry fractal_dimension".split()
BREAST_CANCER = [f"{statistic}_{name}" for statistic in ("mean", "error", "worst") for name in CELL]
DIABETES = "age sex bmi blood_pressure total_cholesterol ldl hdl cholesterol_ratio log_triglycerides glucose".split()


def write_table(name, header, rows):
    with open(DATA / name, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def classes_spelled_out(text):
    """scikit-learn's tables: a first line with rows, columns and class names, then the class as a last number."""
    (_, _, *names), *rows = csv.reader(io.StringIO(text))
    return [[*row[:-1], names[int(row[-1])]] for row in rows]


def shortest(text):
    number = float(text)
    return str(int(number)) if number == int(number) else repr(number)


def write_digits(text):
    """images U8 [1797, 8, 8] with grey levels 0 to 16, labels U8 [1797]."""
    rows = [[int(float(cell)) for cell in row] for row in csv.reader(io.StringIO(text))]
    images = bytes(pixel for row in rows for pixel in row[:-1])
    labels = bytes(row[-1] for row in rows)
    header = json.dumps(
        {
            "images": {"dtype": "U8", "shape": [len(rows), 8, 8], "data_offsets": [0, len(images)]},
            "labels": {"dtype": "U8", "shape": [len(rows)], "data_offsets": [len(images), len(images) + len(labels)]},
        },
        separators=(",", ":"),
    ).encode()
    header += b" " * (-len(header) % 8)
    (DATA / "digits.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + images + labels)


def main(wheel):
    with zipfile.ZipFile(wheel) as archive:

        def read(name):
            content = archive.read(f"sklearn/datasets/data/{name}")
            return (gzip.decompress(content) if name.endswith(".gz") else content).decode()

        write_table("iris.csv", [*IRIS, "species"], classes_spelled_out(read("iris.csv")))
        write_table("wine.csv", [*WINE, "cultivar"], classes_spelled_out(read("wine_data.csv")))
        write_table("breast-cancer.csv", [*BREAST_CANCER, "diagnosis"], classes_spelled_out(read("breast_cancer.csv")))
        features = [line.split() for line in read("diabetes_data_raw.csv.gz").splitlines()]
        targets = read("diabetes_target.csv.gz").splitlines()
        rows = [[*map(shortest, row), shortest(target)] for row, target in zip(features, targets)]
        write_table("diabetes.csv", [*DIABETES, "progression"], rows)
        write_digits(read("digits.csv.gz"))
        (licence,) = [name for name in archive.namelist() if name.endswith(".dist-info/licenses/COPYING")]
        bsd = archive.read(licence).decode().split("\n\n---", 1)[0].strip()
        (DATA / "LICENSE").write_text(bsd + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
