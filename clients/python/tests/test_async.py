"""The asyncio face on the real sidecar."""

import asyncio
import unittest

from ml_sidecar import AsyncSidecar, CancelledError, InvalidParamsError, SidecarDiedError, SidecarMissingError, WaitTimeoutError

MLP = {"type": "mlp", "hidden": [32]}


class Asyncio(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.ml = await AsyncSidecar(use_numpy=False).start()
        self.addAsyncCleanup(self.ml.close)

    async def test_a_training_from_start_to_prediction(self):
        model = await self.ml.create("classification", MLP, seed=1)
        job = await model.train("iris", epochs=4, seed=1)
        types = [event.type async for event in job]
        self.assertEqual((types[0], types[-1], types.count("train.epoch")), ("job.started", "job.completed", 4))
        outputs = await model.predict([[5.1, 3.5, 1.4, 0.2]])
        self.assertEqual(outputs["probabilities"].shape, (1, 3))

    async def test_calls_run_side_by_side(self):
        answers = await asyncio.gather(*(self.ml.ping() for _ in range(100)))
        self.assertEqual(answers, [{"pong": True}] * 100)

    async def test_a_line_beyond_asyncios_64_kib_arrives_whole(self):
        self.assertGreater(len(str(await self.ml.call("rpc.discover"))), 65536)

    async def test_errors_are_typed(self):
        with self.assertRaises(InvalidParamsError):
            await self.ml.create("classification", {"type": "mlp", "hidden": [-3]})

    async def test_a_callback_may_be_a_coroutine_function(self):
        last = asyncio.get_running_loop().create_future()

        async def on_event(event):
            await self.ml.ping()
            if event.is_last:
                last.set_result(event.type)

        model = await self.ml.create("classification", MLP, seed=1)
        await model.train("iris", epochs=2, seed=1, on_event=on_event)
        self.assertEqual(await asyncio.wait_for(last, 30), "job.completed")

    async def test_a_cancelled_job_raises_when_waited_for(self):
        job = await (await self.ml.create("classification", MLP)).train("iris", epochs=1_000_000)
        with self.assertRaises(WaitTimeoutError):
            await job.wait(timeout=0.05)
        await job.cancel()
        with self.assertRaises(CancelledError):
            await job.wait()

    async def test_a_cancelled_task_leaves_the_session_usable(self):
        job = await (await self.ml.create("classification", MLP)).train("iris", epochs=1_000_000)
        waiting = asyncio.ensure_future(job.wait())
        await asyncio.sleep(0.05)
        waiting.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await waiting
        await job.cancel()
        self.assertEqual(await self.ml.ping(), {"pong": True})

    async def test_a_sidecar_that_is_killed_fails_the_calls_under_way(self):
        job = await (await self.ml.create("classification", MLP)).train("iris", epochs=1_000_000)
        waiting = asyncio.ensure_future(job.wait())
        await asyncio.sleep(0.05)
        self.ml._transport.kill()
        with self.assertRaisesRegex(SidecarDiedError, "signal 9"):
            await waiting

    async def test_a_closed_sidecar_says_so(self):
        await self.ml.close()
        with self.assertRaises(SidecarDiedError):
            await self.ml.ping()


class WithoutSidecar(unittest.IsolatedAsyncioTestCase):
    async def test_a_call_before_the_start_says_what_to_do(self):
        with self.assertRaisesRegex(SidecarDiedError, "async with"):
            await AsyncSidecar().ping()

    async def test_a_command_that_does_not_exist_says_how_to_get_it(self):
        with self.assertRaisesRegex(SidecarMissingError, "npm ci"):
            await AsyncSidecar(["no-such-sidecar"]).start()


if __name__ == "__main__":
    unittest.main()
