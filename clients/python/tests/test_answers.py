"""The wire's answers as Python values."""

import base64
import hashlib
import json
import math
import os
import struct
import tempfile
import unittest

from ml_sidecar import InternalError, Tensor
from ml_sidecar.answers import Decoder

plain = Decoder(use_numpy=False)


def b64(code, *numbers):
    return base64.b64encode(struct.pack(f"<{len(numbers)}{code}", *numbers)).decode()


class Numbers(unittest.TestCase):
    def test_names_of_non_finite_numbers_become_floats(self):
        answer = plain.decode({"metrics": {"loss": "Infinity", "gap": "-Infinity", "auc": "NaN"}})
        self.assertEqual(answer["metrics"]["loss"], math.inf)
        self.assertEqual(answer["metrics"]["gap"], -math.inf)
        self.assertTrue(math.isnan(answer["metrics"]["auc"]))

    def test_a_class_that_is_called_nan_keeps_its_name(self):
        answer = plain.decode({"labels": ["NaN", "b"], "confusion": {"classes": ["Infinity"], "counts": [[1]]}})
        self.assertEqual(answer, {"labels": ["NaN", "b"], "confusion": {"classes": ["Infinity"], "counts": [[1]]}})


class Tensors(unittest.TestCase):
    def test_values_and_base64_give_the_same_tensor(self):
        nested = plain.decode({"dtype": "F32", "shape": [2, 2], "values": [[1, 2], [3, 0.5]]})
        packed = plain.decode({"dtype": "F32", "shape": [2, 2], "b64": b64("f", 1, 2, 3, 0.5)})
        self.assertEqual(nested, packed)
        self.assertEqual(packed.tolist(), [[1.0, 2.0], [3.0, 0.5]])

    def test_a_tensor_is_indexed_and_iterated_along_its_first_axis(self):
        tensor = Tensor("F32", [2, 2], [1.0, 2.0, 3.0, 4.0])
        self.assertEqual(tensor[1].tolist(), [3.0, 4.0])
        self.assertEqual(tensor[-1][0], 3.0)
        self.assertEqual([row.tolist() for row in tensor], [[1.0, 2.0], [3.0, 4.0]])
        with self.assertRaises(IndexError):
            tensor[2]

    def test_non_finite_values_inside_a_tensor(self):
        self.assertEqual(plain.decode({"dtype": "F32", "shape": [1], "values": ["-Infinity"]}).tolist(), [-math.inf])

    def test_wide_integers_inside_a_tensor(self):
        self.assertEqual(plain.decode({"dtype": "I64", "shape": [], "values": [str(2**60)]}).tolist(), 2**60)

    def test_bf16_is_widened(self):
        tensor = plain.decode({"dtype": "BF16", "shape": [2], "b64": b64("H", 0x3F80, 0xC020)})
        self.assertEqual((tensor.dtype, tensor.tolist()), ("F32", [1.0, -2.5]))

    def test_f16_and_bool(self):
        self.assertEqual(plain.decode({"dtype": "F16", "shape": [1], "b64": b64("e", 0.5)}).tolist(), [0.5])
        self.assertEqual(plain.decode({"dtype": "BOOL", "shape": [2], "b64": "AQA="}).tolist(), [True, False])

    def test_too_few_bytes_are_refused(self):
        with self.assertRaisesRegex(ValueError, r"F32 \[3\] needs 12 bytes, got 8"):
            plain.decode({"dtype": "F32", "shape": [3], "b64": b64("f", 1, 2)})

    def test_a_region_of_a_file(self):
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(b"----" + struct.pack("<2f", 7, 8))
        self.addCleanup(os.remove, file.name)
        region = {"path": file.name, "offset": 4, "nbytes": 8}
        self.assertEqual(plain.decode({"dtype": "F32", "shape": [2], "file": region}).tolist(), [7.0, 8.0])

    def test_numpy_arrays_where_numpy_is_wanted(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("NumPy is not installed")
        array = Decoder(use_numpy=True).decode({"dtype": "F32", "shape": [2, 1], "b64": b64("f", 1, 2)})
        self.assertIsInstance(array, numpy.ndarray)
        self.assertEqual((array.dtype, array.shape), (numpy.float32, (2, 1)))
        array[0, 0] = 5  # the caller's own

    def test_a_tensor_can_be_given_to_numpy(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("NumPy is not installed")
        self.assertEqual(numpy.asarray(Tensor("F32", [2, 1], [1.0, 2.0])).shape, (2, 1))


class Spills(unittest.TestCase):
    def spill(self, answer, **changes):
        data = json.dumps(answer).encode()
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(data)
        self.addCleanup(os.remove, file.name)
        spill = {"path": file.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "format": "json"}
        return {"$spill": {**spill, **changes}}

    def test_a_spilled_answer_is_read_wherever_it_stands(self):
        answer = {"outputs": self.spill({"labels": ["a"], "loss": "NaN"})}
        outputs = plain.decode(answer)["outputs"]
        self.assertEqual(outputs["labels"], ["a"])
        self.assertTrue(math.isnan(outputs["loss"]))

    def test_a_file_that_was_changed_is_refused(self):
        with self.assertRaisesRegex(InternalError, "checksum"):
            plain.decode(self.spill({"a": 1}, sha256="0" * 64))


if __name__ == "__main__":
    unittest.main()
