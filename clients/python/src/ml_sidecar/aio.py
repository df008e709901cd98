"""The asyncio face: ``AsyncSidecar``, and the models and jobs that it gives. The same calls, awaited.

It reads through a ``SubprocessProtocol`` and cuts lines itself, so asyncio's 64 KiB limit on a line does not apply.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, AsyncIterator, Awaitable, Callable, Dict, List, Mapping, Optional, Union, cast

from . import requests
from ._version import VERSION
from .client import DEADLINE_GRACE_SECONDS, MAX_LINE_BYTES, WAIT_SECONDS, PathLike, closed, finished, has_ended
from .errors import SidecarDiedError, SidecarMissingError, WaitTimeoutError
from .find import HOW_TO_GET_IT, Command, Found, find
from .process import CLOSE_SECONDS, StderrTail, end_group, spawn_options, why_ended
from .progress import ProgressBar
from .requests import Handle, Request, Summary
from .session import Call, Event, Session

if TYPE_CHECKING:
    from . import _types as types

OnEvent = Callable[[Event], Union[None, Awaitable[None]]]


class _Pipes(asyncio.SubprocessProtocol):
    """The child's output on its way to the session."""

    def __init__(self, session: Session, stderr: StderrTail) -> None:
        self._session = session
        self._stderr = stderr
        self._rest = b""
        self.ended = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self._session.receive(data)
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._stderr.add(line)

    def process_exited(self) -> None:
        pass  # its last words may still be in the pipes

    def connection_lost(self, error: Optional[Exception]) -> None:
        self.ended.set()


class AsyncSidecar:
    """A running sidecar for asyncio. ``async with AsyncSidecar() as ml: …``; the arguments are ``Sidecar``'s."""

    def __init__(
        self,
        command: Optional[Command] = None,
        *,
        arguments: Optional[List[str]] = None,
        cwd: Optional[PathLike] = None,
        env: Optional[Mapping[str, str]] = None,
        on_log: Optional[Callable[[str], None]] = None,
        use_numpy: Optional[bool] = None,
        timeout: float = 60.0,
    ) -> None:
        self._command = command
        self._arguments = list(arguments or [])
        self._options = spawn_options(None if cwd is None else os.fspath(cwd), env)
        self._timeout = timeout
        self._session = Session(use_numpy)
        self._stderr = StderrTail(on_log)
        self._answered = False
        self._closing = False
        self._transport: Optional[asyncio.SubprocessTransport] = None
        self._watching: Optional["asyncio.Task[None]"] = None
        self._subscriptions: "set[asyncio.Task[None]]" = set()
        #: What the sidecar said of itself, once it has started.
        self.info: types.RuntimeInitializeResult = cast("types.RuntimeInitializeResult", {})

    # -- life ----------------------------------------------------------------------------------------------------------

    async def start(self) -> "AsyncSidecar":
        """Starts the process and waits for its first answer; ``async with`` does it too."""
        found = find(self._command)
        loop = asyncio.get_running_loop()
        try:
            self._transport, self._pipes = await loop.subprocess_exec(
                lambda: _Pipes(self._session, self._stderr), *found.command, *self._arguments, **self._options
            )
        except OSError as error:
            raise SidecarMissingError(f"cannot start {found.command[0]!r}, from {found.source}: {error}\n{HOW_TO_GET_IT}") from error
        self._watching = loop.create_task(self._watch(found))
        try:
            self.info = await self._send(requests.initialize(VERSION, MAX_LINE_BYTES), self._timeout)
        except BaseException:
            await self.close()
            raise
        self._session.max_line_bytes = self.info.get("limits", {}).get("maxInputLineBytes")
        return self

    async def __aenter__(self) -> "AsyncSidecar":
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def pid(self) -> int:
        return self._running().get_pid()

    @property
    def stderr(self) -> str:
        """The last lines of the sidecar's standard error."""
        return self._stderr.text()

    async def close(self) -> None:
        """Ends the sidecar: trainings stop at their next step. Returns when the process is gone; may be called again."""
        self._closing = True
        if self._transport is None:
            return
        stdin = self._transport.get_pipe_transport(0)
        if stdin is not None:
            stdin.close()
        try:
            await asyncio.wait_for(self._pipes.ended.wait(), CLOSE_SECONDS)
        except asyncio.TimeoutError:
            end_group(self._transport.get_pid())
            await self._pipes.ended.wait()
        finally:
            self._transport.close()
        if self._watching:
            await self._watching

    async def _watch(self, found: Found) -> None:
        await self._pipes.ended.wait()
        exit_code = self._running().get_returncode()
        self._session.end(closed() if self._closing else why_ended(found, exit_code, self._stderr.text(), self._answered))

    def _running(self) -> asyncio.SubprocessTransport:
        if self._transport is None:
            raise SidecarDiedError("the sidecar has not been started: use `async with`, or await `start()`")
        return self._transport

    # -- calls ---------------------------------------------------------------------------------------------------------

    async def call(self, method: str, /, *, timeout: Optional[float] = None, **params: Any) -> Any:
        """Any method of the wire by its name, its params as keywords: ``await call("jobs.get", jobId="j_1")``."""
        return await self._send(Request(method, params), timeout)

    async def ping(self) -> Any:
        return await self.call("ping")

    async def health(self) -> types.RuntimeHealthResult:
        return await self.call("runtime.health")

    async def catalog(self, kind: Optional[str] = None, *, type: Optional[str] = None, schemas: bool = True) -> Dict[str, Any]:
        """What can be named in a model or a training, each with the JSON Schema of its options.

        kind: only ``backbones``, ``optimizers``, …; type: only entries of this name; schemas: False for a short list.
        """
        asked = {"kind": kind, "type": type, "schemas": None if schemas else False}
        return await self.call("runtime.catalog", **{name: value for name, value in asked.items() if value is not None})

    async def create(
        self,
        pipeline: str = "classification",
        backbone: Union[str, Mapping[str, Any]] = "mlp",
        *,
        name: Optional[str] = None,
        **spec: Any,
    ) -> "AsyncModel":
        """A new model, see ``Sidecar.create``."""
        return AsyncModel(self, await self._send(requests.create(pipeline, backbone, name, spec)))

    async def load(self, path: PathLike) -> "AsyncModel":
        """A model that ``save`` wrote."""
        return AsyncModel(self, await self._send(requests.load(path)))

    async def model(self, id_or_name: str) -> "AsyncModel":
        """A model that the sidecar already has."""
        return AsyncModel(self, (await self.call("models.get", model=id_or_name))["model"])

    async def models(self) -> List["AsyncModel"]:
        return [AsyncModel(self, view) for view in (await self.call("models.list"))["models"]]

    async def put(self, data: Any, *, target: Any = None) -> Handle:
        """Registers data once, to be named many times, see ``Sidecar.put``."""
        answer = await self._send(requests.put(data, target))
        return Handle(answer["handle"], answer["description"])

    async def job(self, job_id: str) -> "AsyncJob":
        """A job that the sidecar already has, such as one that was interrupted."""
        return AsyncJob(self, (await self.call("jobs.get", jobId=job_id))["job"])

    async def jobs(self) -> List["AsyncJob"]:
        return [AsyncJob(self, view) for view in (await self.call("jobs.list"))["jobs"]]

    async def _send(self, request: Request, timeout: Optional[float] = None) -> Any:
        stdin = self._running().get_pipe_transport(0)
        settled = asyncio.get_running_loop().create_future()
        call = self._session.begin(
            request.method,
            requests.with_deadline(request.params, timeout),
            lambda: None if settled.done() else settled.set_result(None),
        )
        assert isinstance(stdin, asyncio.WriteTransport)
        stdin.write(call.line)
        try:
            await asyncio.wait_for(settled, None if timeout is None else timeout + DEADLINE_GRACE_SECONDS)
        except asyncio.TimeoutError:
            self._forget(call, stdin)
            raise WaitTimeoutError(f"no answer within {timeout} s", hint="is the sidecar stopped or swapped out?") from None
        except BaseException:  # the task was cancelled: nobody waits for the answer any more
            self._forget(call, stdin)
            raise
        answer = self._session.answer(call)
        self._answered = True
        return answer if request.member is None else answer[request.member]

    def _forget(self, call: Call, stdin: asyncio.WriteTransport) -> None:
        line = self._session.cancellation(call)
        if not stdin.is_closing():
            stdin.write(line)


class AsyncModel:
    """A model that lives in the sidecar. ``view`` is what was last heard of it. Methods as ``Model``'s, awaited."""

    def __init__(self, sidecar: AsyncSidecar, view: types.Model) -> None:
        self._sidecar = sidecar
        self.view = view

    @property
    def id(self) -> str:
        return self.view["id"]

    @property
    def name(self) -> Optional[str]:
        return self.view.get("name")

    def __repr__(self) -> str:
        return f"<AsyncModel {self.id} {self.name or ''} {self.view.get('pipeline')} {self.view.get('state')}>"

    async def train(
        self,
        data: Any,
        *,
        target: Any = None,
        validation: Any = None,
        on_event: Optional[OnEvent] = None,
        **options: Any,
    ) -> "AsyncJob":
        """Starts a training and returns its job at once. ``on_event`` may be a coroutine function."""
        job = AsyncJob(self._sidecar, await self._sidecar._send(requests.train(self.id, data, target, validation, options)))
        if on_event is not None:
            job.subscribe(on_event)
        return job

    async def predict(self, inputs: Any, *, timeout: Optional[float] = None) -> Dict[str, Any]:
        """Outputs by name for an array (rows × features), nested lists, or rows as dicts."""
        return await self._sidecar._send(requests.predict(self.id, inputs), timeout)

    async def generate(self, prompt: Any, *, timeout: Optional[float] = None, **options: Any) -> types.GenerateResult:
        """``text``, ``tokens`` and ``finishReason``: what a model of pipeline ``language`` writes after a prompt.

        max_new_tokens, temperature, top_k, top_p, seed, stop (a text, or several).
        """
        return await self._sidecar._send(requests.generate(self.id, prompt, options), timeout)

    async def stream(self, prompt: Any, **options: Any) -> AsyncIterator[str]:
        """The same, piece by piece as it is written; leaving the loop ends the writing once the generator is closed."""
        job = AsyncJob(self._sidecar, await self._sidecar._send(requests.write(self.id, prompt, options)))
        ended = False
        try:
            async for event in job.events():
                if event.type == "generate.text":
                    yield event.data["text"]
            ended = True
        finally:
            if not ended:
                await job.cancel()

    async def evaluate(self, data: Any, *, target: Any = None, timeout: Optional[float] = None) -> types.EvaluateResult:
        """``metrics``, ``samples`` and, for classes, ``confusion``, on data that has its targets."""
        return await self._sidecar._send(requests.evaluate(self.id, data, target), timeout)

    async def summary(self, *, timeout: Optional[float] = None, **options: Any) -> Summary:
        """Layers with shapes, parameters and FLOPs; ``print`` it for a table. Before training too, given shapes.

        input: of one row, such as ``[1, 28, 28]``; outputs: how many; freeze: path patterns, as in ``train``.
        """
        return Summary(await self._sidecar._send(requests.summary(self.id, options), timeout))

    async def inspect(
        self,
        what: Any = "weights",
        *,
        inputs: Any = None,
        data: Any = None,
        target: Any = None,
        timeout: Optional[float] = None,
        **options: Any,
    ) -> Dict[str, Any]:
        """``weights``, ``gradients`` (on labelled ``data``), ``activations`` and ``attention`` (for ``inputs``): one or several.

        layers: path patterns of the part that is wanted; values: activations with their numbers; bins: of histograms.
        """
        return await self._sidecar._send(requests.inspect(self.id, what, inputs, data, target, options), timeout)

    async def explain(
        self, inputs: Any, method: str = "integratedGradients", *, timeout: Optional[float] = None, **options: Any
    ) -> Dict[str, Any]:
        """``attributions`` by column: ``saliency``, ``inputXGradient``, ``integratedGradients`` or ``smoothGrad``.

        target: the class or column that is explained, each row's own when left out; baseline, steps, output, abs,
            samples, noise, seed: as ``models.explain`` has them.
        """
        return await self._sidecar._send(requests.explain(self.id, inputs, method, options), timeout)

    async def save(self, path: PathLike) -> types.ModelsSaveResult:
        """Writes the model as a folder (``model.json`` and ``weights.safetensors``)."""
        return await self._sidecar._send(requests.save(self.id, path))

    async def export(
        self, path: Optional[PathLike] = None, *, format: str = "onnx", **options: Any
    ) -> types.ModelsExportResult:
        """Writes the model as ONNX or safetensors; says where, how large, and how it was verified.

        ``quantize="int8-static", data="digits"`` writes integers, and says what that cost, layer by layer.
        """
        return await self._sidecar._send(requests.export(self.id, path, format, options))

    async def card(self) -> types.ModelCard:
        """All that is known of the model; renews ``view``."""
        card: types.ModelCard = (await self._sidecar.call("models.get", model=self.id))["model"]
        self.view = card
        return card

    async def delete(self) -> None:
        await self._sidecar.call("models.delete", model=self.id)


class AsyncJob:
    """A training under way. ``async for event in job``; ``await job.wait()`` for its result."""

    def __init__(self, sidecar: AsyncSidecar, view: types.Job) -> None:
        self._sidecar = sidecar
        self.view = view

    @property
    def id(self) -> str:
        return self.view["id"]

    @property
    def state(self) -> str:
        """As last heard; ``refresh`` asks again."""
        return self.view["state"]

    def __repr__(self) -> str:
        return f"<AsyncJob {self.id} {self.state}>"

    def __aiter__(self) -> AsyncIterator[Event]:
        return self.events()

    async def events(self, *, progress: bool = False) -> AsyncIterator[Event]:
        """Every event that the sidecar still has, up to the last, see ``Job.events``."""
        bar = ProgressBar() if progress else None
        try:
            async for event in self._events():
                if bar:
                    bar.show(event)
                yield event
        finally:
            if bar:
                bar.close()
        if event.type == "job.failed":
            finished(await self.refresh())

    async def wait(self, timeout: Optional[float] = None, *, progress: bool = False) -> types.TrainingResult:
        """The result of the training, when it is there; raises as ``Job.wait`` does."""
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        if progress and timeout is None:
            async for _ in self.events(progress=True):
                pass
        while True:
            seconds = WAIT_SECONDS if deadline is None else min(WAIT_SECONDS, max(0.0, deadline - loop.time()))
            answer = await self._sidecar.call("jobs.wait", jobId=self.id, timeoutMs=round(seconds * 1000))
            self.view = answer["job"]
            if has_ended(self.view):
                return finished(self.view)
            if deadline is not None and loop.time() >= deadline:
                raise WaitTimeoutError(f"job {self.id} is still {self.state} after {timeout} s")

    def subscribe(self, on_event: OnEvent) -> "asyncio.Task[None]":
        """Calls ``on_event`` with each event, in a task that ends with the job."""
        task = asyncio.get_running_loop().create_task(self._tell(on_event))
        self._sidecar._subscriptions.add(task)
        task.add_done_callback(self._sidecar._subscriptions.discard)
        return task

    async def refresh(self) -> types.Job:
        self.view = (await self._sidecar.call("jobs.get", jobId=self.id))["job"]
        return self.view

    async def cancel(self) -> None:
        """Seen within one training step; the weights so far stay."""
        self.view = (await self._sidecar.call("jobs.cancel", jobId=self.id))["job"]

    async def pause(self) -> None:
        self.view = (await self._sidecar.call("jobs.pause", jobId=self.id))["job"]

    async def resume(self) -> None:
        """Goes on after a pause, or after an interruption when there is a checkpoint."""
        self.view = (await self._sidecar.call("jobs.resume", jobId=self.id))["job"]

    async def _events(self) -> AsyncIterator[Event]:
        session = self._sidecar._session
        arrived = asyncio.Event()
        inbox = session.subscribe(self.id, arrived.set)
        seen = 0
        pending = await self._replay(seen)
        if not any(event.is_last for event in pending) and has_ended(await self.refresh()):
            # Interrupted with an earlier process: there was no last event. Or it ended just now.
            pending += await self._replay(pending[-1].seq if pending else seen)
            for event in pending:
                yield event
            return
        while True:
            for event in pending:
                if event.seq > seen:
                    seen = event.seq
                    yield event
                    if event.is_last:
                        return
            while not inbox.events:
                if session.ended:
                    raise session.ended
                arrived.clear()
                await arrived.wait()
            event = inbox.events.popleft()
            pending = [event] if event.seq <= seen + 1 else [*await self._replay(seen), event]

    async def _replay(self, after: int) -> List[Event]:
        """Events from before there was a reader, or that came faster than it read."""
        answer = await self._sidecar.call("jobs.events", jobId=self.id, afterSeq=after)
        return [self._sidecar._session.event(event) for event in answer["events"]]

    async def _tell(self, on_event: OnEvent) -> None:
        try:
            async for event in self._events():
                outcome = on_event(event)
                if outcome is not None:
                    await outcome
        except SidecarDiedError:
            pass  # whoever waits for the job hears of it
