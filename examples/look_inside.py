"""Look inside a digit reader: its layers, what its weights are like, which pixels a digit is read from. Writes SVG files."""
import pathlib
import sys

from ml_sidecar import Sidecar, svg

folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "look-inside")
folder.mkdir(parents=True, exist_ok=True)
IMAGES = {"builtin": {"type": "digits", "shape": "image"}}
ZERO = [[[0, 0, 5, 13, 9, 1, 0, 0], [0, 0, 13, 15, 10, 15, 5, 0], [0, 3, 15, 2, 0, 11, 8, 0], [0, 4, 12, 0, 0, 8, 8, 0],
         [0, 5, 8, 0, 0, 9, 8, 0], [0, 4, 11, 0, 1, 12, 7, 0], [0, 2, 14, 5, 10, 12, 0, 0], [0, 0, 6, 13, 10, 0, 0, 0]]]  # fmt: skip


def draw(name: str, picture: str) -> None:
    (folder / name).write_text(picture, encoding="utf-8")
    print("wrote", folder / name)


with Sidecar(use_numpy=False) as ml:
    model = ml.create("classification", {"type": "cnn", "blocks": [{"channels": 16, "pool": "max"}]}, seed=7)
    print(model.summary(input=[1, 8, 8], outputs=10))
    model.train(IMAGES, epochs=6, seed=7).wait()

    inside = model.inspect(["weights", "gradients", "activations"], inputs=[ZERO], data=IMAGES)
    print(f"gradient norm {inside['gradients']['norm']:.4f} at a loss of {inside['gradients']['loss']:.4f}")
    for layer in inside["activations"]:
        if layer["kind"] == "relu":
            print(f"{layer['path']}: {layer['dead']:.0%} of its channels see nothing in this image")
    weight = next(weight for weight in inside["weights"] if weight["path"] == "head.weight")
    draw("weights.svg", svg.histogram(weight, title="weights of the head"))

    saliency = model.explain([ZERO], "saliency")["attributions"]["inputs"][0][0]
    draw("saliency.svg", svg.heat_map(saliency, title="saliency"))
    explained = model.explain([ZERO], baseline=0, steps=100)
    pixels = explained["attributions"]["inputs"][0][0]
    draw("integrated-gradients.svg", svg.heat_map(pixels, title=f"why this is a {explained['targets'][0]}"))
    change = explained["outputs"][0] - explained["baselineOutputs"][0]
    error = explained["completenessError"][0]
    print(f"the pixels explain {change:.3f} of logit, with an error of {error:.4f}")
    assert error < 0.02 * max(1.0, abs(change)), "attributions should add up to the change of the output"

    flowers = ml.create("classification", {"type": "mlp", "hidden": [16]}, seed=7)
    flowers.train("iris", epochs=30, seed=7).wait()
    why = flowers.explain([[5.1, 3.5, 1.4, 0.2]], output="probabilities")
    by_column = {name: column[0] for name, column in why["attributions"].items()}
    draw("columns.svg", svg.bars(by_column, title=f"why this is likely {why['targets'][0]}"))
