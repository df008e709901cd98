"""The progress bar."""

import io
import os
import unittest
from unittest import mock

from ml_sidecar import Event, ProgressBar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def event(type, **data):
    return Event("j_1", 1, "2026-11-21T10:00:00Z", type, data)


EPOCH = event(
    "train.epoch", epoch=5, epochs=20, loss=0.25, metrics={"accuracy": 0.9}, samplesPerSecond=91250, secondsLeft=75,
    validation={"loss": 0.3, "metrics": {"accuracy": 0.875}},
)  # fmt: skip


class Progress(unittest.TestCase):
    def shown(self, stream, *events, columns=120):
        with mock.patch.dict(os.environ, {"COLUMNS": str(columns)}):
            bar = ProgressBar(stream)
            for each in events:
                bar.show(each)
            bar.close()
        return stream.getvalue()

    def test_a_terminal_sees_epoch_loss_held_out_metric_rate_and_time_left(self):
        text = self.shown(Terminal(), EPOCH)
        for fact in ("25%", "epoch 5/20", "loss 0.25", "held-out accuracy 0.875", "91.2k samples/s", "1 min 15 s left"):
            self.assertIn(fact, text)

    def test_a_narrow_terminal_keeps_the_time_left(self):
        text = self.shown(Terminal(), EPOCH, columns=80)
        self.assertIn("1 min 15 s left", text)
        self.assertNotIn("samples/s", text)

    def test_a_terminal_has_one_line_that_moves(self):
        text = self.shown(Terminal(), EPOCH, event("job.completed"))
        self.assertEqual((text.count("\r"), text.count("\n")), (2, 1))
        self.assertIn("100%", text)

    def test_a_file_gets_one_line_at_the_end(self):
        text = self.shown(io.StringIO(), EPOCH, EPOCH, event("job.cancelled"))
        self.assertEqual(text.count("\n"), 1)
        self.assertNotIn("\r", text)
        self.assertIn("cancelled", text)

    def test_a_loss_that_is_not_a_number_is_shown_as_such(self):
        self.assertIn("loss nan", self.shown(io.StringIO(), event("train.epoch", epoch=1, epochs=2, loss=float("nan"))))

    def test_progress_within_an_epoch_moves_the_bar(self):
        self.assertIn("50%", self.shown(io.StringIO(), event("train.progress", done=50, total=100)))


if __name__ == "__main__":
    unittest.main()
