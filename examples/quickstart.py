"""Train a digit reader from Python: no NumPy, no PyTorch, nothing but the standard library and ml-sidecar."""
from ml_sidecar import Sidecar

with Sidecar() as ml:
    model = ml.create("classification", {"type": "mlp", "hidden": [128, 64], "activation": "relu", "dropout": 0.1}, seed=7)
    job = model.train(
        "digits",
        validation=0.2,
        epochs=20,
        batch_size=64,
        optimizer={"type": "adamw", "learningRate": 0.002},
        seed=7,
    )
    for event in job:
        if event.type == "train.epoch" and event.data["epoch"] % 5 == 0:
            print(f"epoch {event.data['epoch']:2}  loss {event.data['loss']:.3f}")
    print(f"held-out accuracy {job.wait()['validation']['metrics']['accuracy']:.3f}")
    zero = [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0, 0, 3, 15, 2, 0, 11, 8, 0, 0, 4, 12, 0, 0, 8, 8, 0,
            0, 5, 8, 0, 0, 9, 8, 0, 0, 4, 11, 0, 1, 12, 7, 0, 0, 2, 14, 5, 10, 12, 0, 0, 0, 0, 6, 13, 10, 0, 0, 0]  # fmt: skip
    print("this is a", model.predict([zero])["labels"][0])
