"""Python values as the wire has them."""

import array
import base64
import datetime
import math
import pathlib
import struct
import unittest

from ml_sidecar.tensor import Tensor
from ml_sidecar.wire import to_wire


def decoded(tensor, code):
    data = base64.b64decode(tensor["b64"], validate=True)
    return struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data)


class Numbers(unittest.TestCase):
    def test_non_finite_numbers_travel_as_their_names(self):
        self.assertEqual(to_wire([math.nan, math.inf, -math.inf, 1.5]), ["NaN", "Infinity", "-Infinity", 1.5])

    def test_integers_that_json_cannot_hold_travel_as_decimal_strings(self):
        self.assertEqual(to_wire([2**53 - 1, 2**53, -(2**53)]), [2**53 - 1, "9007199254740992", "-9007199254740992"])

    def test_booleans_stay_booleans(self):
        self.assertIs(to_wire({"shuffle": True})["shuffle"], True)

    def test_subclasses_of_numbers_travel_as_numbers(self):
        class Epochs(int):
            pass

        self.assertEqual(to_wire(Epochs(3)), 3)


class Tensors(unittest.TestCase):
    def test_an_array_of_floats_becomes_f32_in_base64(self):
        tensor = to_wire(array.array("f", [1.0, -2.5, 3.25]))
        self.assertEqual((tensor["dtype"], tensor["shape"]), ("F32", [3]))
        self.assertEqual(decoded(tensor, "f"), (1.0, -2.5, 3.25))

    def test_a_memoryview_keeps_its_shape(self):
        view = memoryview(array.array("d", range(6))).cast("B").cast("d", [2, 3])
        tensor = to_wire(view)
        self.assertEqual((tensor["dtype"], tensor["shape"]), ("F64", [2, 3]))
        self.assertEqual(decoded(tensor, "d"), (0, 1, 2, 3, 4, 5))

    def test_a_strided_memoryview_is_gathered(self):
        self.assertEqual(decoded(to_wire(memoryview(array.array("i", range(6)))[::2]), "i"), (0, 2, 4))

    def test_bytes_are_u8(self):
        self.assertEqual(to_wire(b"\x00\xff"), {"dtype": "U8", "shape": [2], "b64": "AP8="})

    def test_unsigned_integers_are_widened(self):
        tensor = to_wire(array.array("H", [65535, 1]))
        self.assertEqual(tensor["dtype"], "I32")
        self.assertEqual(decoded(tensor, "i"), (65535, 1))

    def test_an_unsigned_integer_beyond_i64_is_refused(self):
        with self.assertRaisesRegex(TypeError, "too large"):
            to_wire(array.array("Q", [2**64 - 1]))

    def test_an_empty_array_is_an_empty_tensor(self):
        self.assertEqual(to_wire(array.array("f")), {"dtype": "F32", "shape": [0], "b64": ""})

    def test_an_answers_tensor_can_be_sent_back(self):
        self.assertEqual(decoded(to_wire(Tensor("F32", [2, 1], [1.0, 2.0])), "f"), (1.0, 2.0))

    def test_nested_lists_stay_lists(self):
        self.assertEqual(to_wire(((1, 2), [3.5, 4])), [[1, 2], [3.5, 4]])


class OtherValues(unittest.TestCase):
    def test_paths_become_absolute(self):
        self.assertEqual(to_wire(pathlib.Path("a.csv")), str(pathlib.Path.cwd() / "a.csv"))

    def test_dates_travel_in_iso_8601(self):
        self.assertEqual(to_wire([datetime.date(2026, 11, 21)]), ["2026-11-21"])

    def test_what_has_no_form_is_refused_by_its_type(self):
        with self.assertRaisesRegex(TypeError, "type object have no form on the wire"):
            to_wire({"x": object()})


class NumpyArrays(unittest.TestCase):
    def setUp(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("NumPy is not installed")
        self.numpy = numpy

    def test_big_endian_arrays_arrive_little_endian(self):
        self.assertEqual(decoded(to_wire(self.numpy.array([1.5, -2], dtype=">f4")), "f"), (1.5, -2.0))

    def test_fortran_order_arrives_in_c_order(self):
        tensor = to_wire(self.numpy.asfortranarray([[1, 2], [3, 4]], dtype="<i4"))
        self.assertEqual((tensor["shape"], decoded(tensor, "i")), ([2, 2], (1, 2, 3, 4)))

    def test_half_floats_booleans_and_scalars(self):
        self.assertEqual(to_wire(self.numpy.array([1], dtype="f2"))["dtype"], "F16")
        self.assertEqual(to_wire(self.numpy.array([True, False]))["dtype"], "BOOL")
        self.assertEqual(to_wire(self.numpy.float32(0.5)), 0.5)
        self.assertEqual(to_wire(self.numpy.float64("nan")), "NaN")

    def test_arrays_of_words_become_lists(self):
        self.assertEqual(to_wire(self.numpy.array(["a", "bc"])), ["a", "bc"])


if __name__ == "__main__":
    unittest.main()
