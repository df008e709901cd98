"""The conversation: bytes in any pieces become answers and events."""

import json
import unittest

from ml_sidecar import InvalidParamsError, LimitExceededError, MethodNotFoundError, SidecarDiedError, SidecarError
from ml_sidecar.errors import from_wire
from ml_sidecar.session import EVENTS_KEPT, Session


def line(**message):
    return json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"


def event(seq, type="train.epoch", job="j_1"):
    return line(method="event", params={"jobId": job, "seq": seq, "t": "2026-11-21T10:00:00Z", "type": type, "data": {}})


class Calls(unittest.TestCase):
    def setUp(self):
        self.session = Session(use_numpy=False)

    def test_a_request_is_one_line_of_ascii(self):
        call = self.session.begin("models.create", {"name": "chiffres é\u2028\ud800"})
        self.assertEqual(call.line.count(b"\n"), 1)
        self.assertTrue(call.line.isascii() and call.line.endswith(b"\n"))
        self.assertEqual(json.loads(call.line)["params"]["name"], "chiffres é\u2028\ud800")

    def test_an_answer_cut_at_every_byte_arrives_whole(self):
        call = self.session.begin("ping", {})
        for byte in line(id=call.id, result={"pong": True}):
            self.assertFalse(call.settled)
            self.session.receive(bytes([byte]))
        self.assertEqual(self.session.answer(call), {"pong": True})

    def test_answers_may_come_in_another_order(self):
        first, second = self.session.begin("a", {}), self.session.begin("b", {})
        self.session.receive(line(id=second.id, result=2) + line(id=first.id, result=1))
        self.assertEqual((self.session.answer(first), self.session.answer(second)), (1, 2))

    def test_an_error_becomes_its_reasons_class(self):
        call = self.session.begin("trian.start", {})
        data = {"reason": "METHOD_NOT_FOUND", "retryable": False, "hint": "did you mean `train.start`?"}
        self.session.receive(line(id=call.id, error={"code": -32601, "message": "unknown method", "data": data}))
        with self.assertRaises(MethodNotFoundError) as caught:
            self.session.answer(call)
        self.assertEqual((caught.exception.code, caught.exception.hint), (-32601, "did you mean `train.start`?"))
        self.assertIn("hint: did you mean", str(caught.exception))

    def test_an_error_without_an_id_goes_to_the_only_call_there_is(self):
        call = self.session.begin("predict", {})
        self.session.receive(line(id=None, error={"code": 1104, "message": "too long", "data": {"reason": "LIMIT_EXCEEDED"}}))
        with self.assertRaises(LimitExceededError):
            self.session.answer(call)

    def test_a_line_longer_than_the_sidecar_takes_is_not_sent(self):
        self.session.max_line_bytes = 100
        with self.assertRaisesRegex(LimitExceededError, "pass its path"):
            self.session.begin("predict", {"inputs": [0.5] * 100})

    def test_the_end_fails_every_call_under_way_and_every_later_one(self):
        call = self.session.begin("ping", {})
        self.session.end(SidecarDiedError("gone"))
        with self.assertRaises(SidecarDiedError):
            self.session.answer(call)
        with self.assertRaises(SidecarDiedError):
            self.session.begin("ping", {})

    def test_an_answer_after_its_cancellation_is_dropped(self):
        call = self.session.begin("predict", {})
        self.assertEqual(json.loads(self.session.cancellation(call))["params"], {"id": call.id})
        self.session.receive(line(id=call.id, result=1))
        self.assertFalse(call.settled)


class Events(unittest.TestCase):
    def setUp(self):
        self.session = Session(use_numpy=False)

    def test_each_reader_gets_each_event(self):
        one, other = self.session.subscribe("j_1"), self.session.subscribe("j_1")
        self.session.receive(event(1) + event(2) + event(1, job="j_2"))
        self.assertEqual([[each.seq for each in inbox.events] for inbox in (one, other)], [[1, 2], [1, 2]])

    def test_a_reader_that_is_gone_costs_nothing(self):
        inbox = self.session.subscribe("j_1")
        del inbox
        self.session.receive(event(1))
        self.assertEqual(len(self.session._inboxes["j_1"]), 0)

    def test_a_slow_reader_keeps_the_newest(self):
        inbox = self.session.subscribe("j_1")
        self.session.receive(b"".join(event(seq) for seq in range(1, EVENTS_KEPT + 3)))
        self.assertEqual((inbox.events[0].seq, inbox.events[-1].seq), (3, EVENTS_KEPT + 2))


class Errors(unittest.TestCase):
    def test_violations_are_part_of_the_message(self):
        violation = {"path": "backbone.hidden[0]", "message": "must be positive", "expected": "> 0", "got": "-3"}
        error = from_wire({"code": -32602, "message": "invalid params", "data": {"reason": "INVALID_PARAMS", "violations": [violation]}})
        self.assertIsInstance(error, InvalidParamsError)
        self.assertEqual(error.violations, [violation])
        self.assertIn("backbone.hidden[0]: must be positive", str(error))

    def test_a_reason_of_a_newer_sidecar_is_still_an_error(self):
        error = from_wire({"code": 1999, "message": "new", "data": {"reason": "FROM_THE_FUTURE", "retryable": True}})
        self.assertIs(type(error), SidecarError)
        self.assertEqual((error.reason, error.retryable), ("FROM_THE_FUTURE", True))

    def test_an_error_without_data_is_still_an_error(self):
        self.assertEqual(from_wire({"code": -32603, "message": "internal"}).code, -32603)


if __name__ == "__main__":
    unittest.main()
