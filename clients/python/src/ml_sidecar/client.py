"""The synchronous face: ``Sidecar``, and the models and jobs that it gives.

Nobody reads the sidecar's output until somebody waits for something. Then the first thread that waits reads for all
(it leads), and wakes the others; so a single-threaded program pays for no thread at all.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Optional, Union, cast

from . import requests
from ._version import VERSION
from .errors import SidecarDiedError, WaitTimeoutError, from_wire
from .find import Command, find
from .process import CAN_POLL, CLOSE_SECONDS, Child
from .progress import ProgressBar
from .requests import Handle, Request, Summary
from .session import Call, Event, Session

if TYPE_CHECKING:
    from . import _types as types
    from .learn import OnUpdate, Policy

#: The longest line that this client asks for; larger answers come through a file.
MAX_LINE_BYTES = 16 << 20
#: How long one ``jobs.wait`` stays on the wire before it is asked again.
WAIT_SECONDS = 60.0
#: The sidecar answers a missed deadline itself; the client gives it this much longer.
DEADLINE_GRACE_SECONDS = 2.0

PathLike = Union[str, "os.PathLike[str]"]
OnEvent = Callable[[Event], None]


class Sidecar:
    """A running sidecar. Use it in a ``with`` block, or ``close`` it; when the program ends, so does the sidecar.

    command: how to start it (a path or a list of words); found by itself when left out, see ``find``.
    arguments: more for its command line, such as ``["--data-dir", "models"]``.
    on_log: called with each line of its standard error, in a thread of its own.
    use_numpy: whether answers hold NumPy arrays; by default when NumPy can be imported.
    timeout: seconds that it may take to start.

    Safe to use from several threads.
    """

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
        found = find(command)
        found = found._replace(command=found.command + list(arguments or []))
        self._session = Session(use_numpy)
        self._turn = threading.Condition(threading.Lock())
        self._leading = False
        self._followers = 0
        self._answered = False
        self._closing = False
        self._child = Child(found, None if cwd is None else os.fspath(cwd), env, on_log)
        self._abandon = weakref.finalize(self, Child.abandon, self._child)
        if not CAN_POLL:
            threading.Thread(target=self._wait_until, args=(lambda: False, None), daemon=True).start()
        try:
            #: What the sidecar said of itself: ``server``, ``capabilities``, ``limits``.
            self.info: types.RuntimeInitializeResult = self._send(requests.initialize(VERSION, MAX_LINE_BYTES), timeout=timeout)
        except BaseException:
            self.close()
            raise
        self._session.max_line_bytes = self.info.get("limits", {}).get("maxInputLineBytes")

    # -- life ----------------------------------------------------------------------------------------------------------

    def __enter__(self) -> "Sidecar":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process id of what was started; a wrapper's, where one was."""
        return self._child.pid

    @property
    def stderr(self) -> str:
        """The last lines of the sidecar's standard error."""
        return self._child.stderr.text()

    def close(self) -> None:
        """Ends the sidecar: trainings stop at their next step. Returns when the process is gone; may be called again."""
        self._closing = True
        self._abandon.detach()
        deadline = time.monotonic() + CLOSE_SECONDS
        self._child.close_stdin()
        self._wait_until(lambda: self._session.ended is not None, deadline)
        self._child.reap(deadline)
        self._session.end(closed())
        with self._turn:
            self._turn.notify_all()
        if not self._leading:
            self._child.release()

    # -- calls ---------------------------------------------------------------------------------------------------------

    def call(self, method: str, /, *, timeout: Optional[float] = None, **params: Any) -> Any:
        """Any method of the wire by its name, its params as keywords: ``call("jobs.get", jobId="j_1")``.

        timeout: seconds, after which ``DeadlineExceededError``.
        """
        return self._send(Request(method, params), timeout=timeout)

    def ping(self) -> Any:
        return self.call("ping")

    def health(self) -> types.RuntimeHealthResult:
        return self.call("runtime.health")

    def catalog(self, kind: Optional[str] = None, *, type: Optional[str] = None, schemas: bool = True) -> Dict[str, Any]:
        """What can be named in a model or a training, each with the JSON Schema of its options.

        kind: only ``backbones``, ``optimizers``, …; type: only entries of this name; schemas: False for a short list.
        """
        asked = {"kind": kind, "type": type, "schemas": None if schemas else False}
        return self.call("runtime.catalog", **{name: value for name, value in asked.items() if value is not None})

    def create(
        self,
        pipeline: str = "classification",
        backbone: Union[str, Mapping[str, Any]] = "mlp",
        *,
        name: Optional[str] = None,
        **spec: Any,
    ) -> "Model":
        """A new model: ``create("classification", {"type": "mlp", "hidden": [128, 64]}, seed=7)``.

        Further options (``head``, ``input``, ``preprocess``, ``seed``) as ``models.create`` has them.
        """
        return Model(self, self._send(requests.create(pipeline, backbone, name, spec)))

    def learn(
        self,
        environment: Any,
        *,
        total_steps: int,
        algorithm: Union[str, Mapping[str, Any]] = "ppo",
        num_envs: Optional[int] = None,
        groups: Optional[int] = None,
        seed: Optional[int] = None,
        stop_return: Optional[float] = None,
        progress: "Union[bool, OnUpdate]" = True,
        **options: Any,
    ) -> "Policy":
        """Learns to act in environments of this program's own, which follow Gymnasium's API; returns the policy.

        environment: an environment, a vector environment, a list of either, or a function that makes one. What a function
            made is closed at the end, what was given stays open. Observations may be Dicts and Tuples; masks come from
            ``info["action_mask"]``.
        total_steps: over all copies together.
        num_envs: how many a function that makes single environments is to make.
        groups: into how many groups they are split, so that one moves while the sidecar answers the others.
        stop_return: ends early once the mean return of the last 100 episodes has reached it.
        progress: a bar on standard error, none, or a function that takes each update's figures.
        options: as ``rl.create`` has them: ``backbone``, ``memory``, ``name``.

        What the environment raises is raised here, after the run has been ended.
        """
        from .learn import learn

        return learn(
            self,
            environment,
            total_steps=total_steps,
            algorithm=algorithm,
            num_envs=num_envs,
            groups=groups,
            seed=seed,
            stop_return=stop_return,
            progress=progress,
            **options,
        )

    def learn_together(
        self,
        environment: Any,
        *,
        total_steps: int,
        shared: bool = True,
        algorithm: Union[str, Mapping[str, Any]] = "ppo",
        seed: Optional[int] = None,
        **options: Any,
    ) -> "Dict[str, Policy]":
        """Learns for all agents of one of PettingZoo's parallel environments; returns the policy of each by its name.

        shared: whether one policy acts for all (their spaces are then the same), or each has its own.
        total_steps: over all agents together. Further options as ``learn`` has them. The environment stays open.
        """
        from .together import learn_together

        return learn_together(
            self, environment, total_steps=total_steps, shared=shared, algorithm=algorithm, seed=seed, **options
        )

    def policy(self, id_or_name: str) -> "Policy":
        """A policy that the sidecar already has; it takes and gives batches, since it does not know the host's spaces."""
        from .learn import Policy

        return Policy(self, self.call("models.get", model=id_or_name)["model"])

    def load(self, path: PathLike) -> "Model":
        """A model that ``Model.save`` wrote."""
        return Model(self, self._send(requests.load(path)))

    def model(self, id_or_name: str) -> "Model":
        """A model that the sidecar already has."""
        return Model(self, self.call("models.get", model=id_or_name)["model"])

    def models(self) -> List["Model"]:
        return [Model(self, view) for view in self.call("models.list")["models"]]

    def put(self, data: Any, *, target: Any = None) -> Handle:
        """Registers data once, to be named many times. The answer's ``description`` tells what was found in it."""
        answer = self._send(requests.put(data, target))
        return Handle(answer["handle"], answer["description"])

    def job(self, job_id: str) -> "Job":
        """A job that the sidecar already has, such as one that was interrupted."""
        return Job(self, self.call("jobs.get", jobId=job_id)["job"])

    def jobs(self) -> List["Job"]:
        return [Job(self, view) for view in self.call("jobs.list")["jobs"]]

    # -- waiting -------------------------------------------------------------------------------------------------------

    def _begin(self, request: Request, timeout: Optional[float] = None) -> Call:
        return self._write(self._session.begin(request.method, requests.with_deadline(request.params, timeout)))

    def _write(self, call: Call) -> Call:
        if not self._child.write(call.line):
            self._fail()
        return call

    def _finish(self, call: Call, member: Optional[str], timeout: Optional[float]) -> Any:
        self._await(call, timeout)
        answer = self._session.answer(call)
        self._answered = True
        return answer if member is None else answer[member]

    def _await(self, call: Call, timeout: Optional[float]) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout + DEADLINE_GRACE_SECONDS
        try:
            in_time = self._wait_until(lambda: call.settled, deadline)
        except BaseException:  # KeyboardInterrupt: nobody waits for the answer any more
            self._child.write(self._session.cancellation(call))
            raise
        if not in_time:
            self._child.write(self._session.cancellation(call))
            raise WaitTimeoutError(f"no answer within {timeout} s", hint="is the sidecar stopped or swapped out?")

    def _send(self, request: Request, timeout: Optional[float] = None) -> Any:
        return self._finish(self._begin(request, timeout), request.member, timeout)

    def _wait_until(self, ready: Callable[[], bool], deadline: Optional[float]) -> bool:
        """Reads, or waits while another thread reads, until ``ready``; false when the deadline or the end comes first."""
        with self._turn:
            while not ready() and self._leading:
                if self._session.ended:
                    return ready()
                seconds = None if deadline is None else deadline - time.monotonic()
                if seconds is not None and seconds <= 0:
                    return False
                self._followers += 1
                try:
                    self._turn.wait(seconds)
                finally:
                    self._followers -= 1
            if ready():
                return True
            self._leading = True
        try:
            while not ready():
                if self._session.ended or not self._read(deadline):
                    return ready()
        finally:
            with self._turn:
                self._leading = False
                self._turn.notify_all()
        return True

    def _read(self, deadline: Optional[float]) -> bool:
        """Takes in the next bytes; false when none came in time."""
        chunk = self._child.read(deadline)
        if chunk is None:
            return False
        if chunk:
            self._session.receive(chunk)
        else:
            self._fail()
        if self._followers:
            with self._turn:
                self._turn.notify_all()
        return True

    def _fail(self) -> None:
        self._session.end(closed() if self._closing else self._child.why_ended(self._answered))


def closed() -> SidecarDiedError:
    """For calls that were under way when the host closed the sidecar."""
    return SidecarDiedError("the sidecar was closed")


class Model:
    """A model that lives in the sidecar. ``view`` is what was last heard of it."""

    def __init__(self, sidecar: Sidecar, view: types.Model) -> None:
        self._sidecar = sidecar
        self.view = view

    @property
    def id(self) -> str:
        return self.view["id"]

    @property
    def name(self) -> Optional[str]:
        return self.view.get("name")

    def __repr__(self) -> str:
        return f"<Model {self.id} {self.name or ''} {self.view.get('pipeline')} {self.view.get('state')}>"

    def train(
        self,
        data: Any,
        *,
        target: Any = None,
        validation: Any = None,
        on_event: Optional[OnEvent] = None,
        **options: Any,
    ) -> "Job":
        """Starts a training and returns its job at once.

        data: a builtin set's name, a file's path, ``(x, y)``, a list of rows, what ``put`` gave, or a reference as the
            wire has it; ``target`` names the column to learn.
        validation: a share of the data to hold out (0.2), or data of its own.
        on_event: called with each event, in a thread of its own.
        options: as ``train.start`` has them, written Python's way: ``epochs``, ``batch_size``, ``optimizer``,
            ``early_stopping``, ``seed``, …
        """
        job = Job(self._sidecar, self._sidecar._send(requests.train(self.id, data, target, validation, options)))
        if on_event is not None:
            job.subscribe(on_event)
        return job

    def predict(self, inputs: Any, *, timeout: Optional[float] = None) -> Dict[str, Any]:
        """Outputs by name for an array (rows × features), nested lists, or rows as dicts.

        Classification: ``labels`` (strings) and ``probabilities`` (rows × classes); regression: ``values``.
        """
        return self._sidecar._send(requests.predict(self.id, inputs), timeout)

    def generate(self, prompt: Any, *, timeout: Optional[float] = None, **options: Any) -> types.GenerateResult:
        """``text``, ``tokens`` and ``finishReason``: what a model of pipeline ``language`` writes after a prompt.

        max_new_tokens, temperature, top_k, top_p, seed, stop (a text, or several).
        """
        return self._sidecar._send(requests.generate(self.id, prompt, options), timeout)

    def stream(self, prompt: Any, **options: Any) -> Iterator[str]:
        """The same, piece by piece as it is written; leaving the loop ends the writing.

            for piece in model.stream("Call me", max_new_tokens=2000):
                print(piece, end="", flush=True)
        """
        job = Job(self._sidecar, self._sidecar._send(requests.write(self.id, prompt, options)))
        ended = False
        try:
            for event in job.events():
                if event.type == "generate.text":
                    yield event.data["text"]
            ended = True
        finally:
            if not ended:
                job.cancel()

    def evaluate(self, data: Any, *, target: Any = None, timeout: Optional[float] = None) -> types.EvaluateResult:
        """``metrics``, ``samples`` and, for classes, ``confusion``, on data that has its targets."""
        return self._sidecar._send(requests.evaluate(self.id, data, target), timeout)

    def summary(self, *, timeout: Optional[float] = None, **options: Any) -> Summary:
        """Layers with shapes, parameters and FLOPs; ``print`` it for a table. Before training too, given shapes.

        input: of one row, such as ``[1, 28, 28]``; outputs: how many; freeze: path patterns, as in ``train``.
        """
        return Summary(self._sidecar._send(requests.summary(self.id, options), timeout))

    def inspect(
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
        return self._sidecar._send(requests.inspect(self.id, what, inputs, data, target, options), timeout)

    def explain(
        self, inputs: Any, method: str = "integratedGradients", *, timeout: Optional[float] = None, **options: Any
    ) -> Dict[str, Any]:
        """``attributions`` by column: ``saliency``, ``inputXGradient``, ``integratedGradients`` or ``smoothGrad``.

        target: the class or column that is explained, each row's own when left out; baseline, steps, output, abs,
            samples, noise, seed: as ``models.explain`` has them.
        """
        return self._sidecar._send(requests.explain(self.id, inputs, method, options), timeout)

    def save(self, path: PathLike) -> types.ModelsSaveResult:
        """Writes the model as a folder (``model.json`` and ``weights.safetensors``)."""
        return self._sidecar._send(requests.save(self.id, path))

    def export(
        self, path: Optional[PathLike] = None, *, format: str = "onnx", **options: Any
    ) -> types.ModelsExportResult:
        """Writes the model as ONNX or safetensors; says where, how large, and how it was verified.

        ``quantize="int8-static", data="digits"`` writes integers, and says what that cost, layer by layer.
        """
        return self._sidecar._send(requests.export(self.id, path, format, options))

    def card(self) -> types.ModelCard:
        """All that is known of the model; renews ``view``."""
        card: types.ModelCard = self._sidecar.call("models.get", model=self.id)["model"]
        self.view = card
        return card

    def delete(self) -> None:
        self._sidecar.call("models.delete", model=self.id)


class Job:
    """A training under way. Iterate over it for its events; ``wait`` for its result."""

    def __init__(self, sidecar: Sidecar, view: types.Job) -> None:
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
        return f"<Job {self.id} {self.state}>"

    def __iter__(self) -> Iterator[Event]:
        return self.events()

    def events(self, *, progress: bool = False) -> Iterator[Event]:
        """Every event, the earliest that the sidecar still has first, up to the last. A failed job's error is raised after it.

        progress: also show a progress bar on standard error.
        """
        bar = ProgressBar() if progress else None
        try:
            for event in self._events():
                if bar:
                    bar.show(event)
                yield event
        finally:
            if bar:
                bar.close()
        if event.type == "job.failed":
            finished(self.refresh())

    def wait(self, timeout: Optional[float] = None, *, progress: bool = False) -> types.TrainingResult:
        """The result of the training, when it is there.

        Raises what made the job fail, ``CancelledError``, or ``WaitTimeoutError`` after ``timeout`` seconds (the job goes on).
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        if progress and timeout is None:
            for _ in self.events(progress=True):
                pass
        while True:
            seconds = WAIT_SECONDS if deadline is None else min(WAIT_SECONDS, max(0.0, deadline - time.monotonic()))
            answer = self._sidecar.call("jobs.wait", jobId=self.id, timeoutMs=round(seconds * 1000))
            self.view = answer["job"]
            if has_ended(self.view):
                return finished(self.view)
            if deadline is not None and time.monotonic() >= deadline:
                raise WaitTimeoutError(f"job {self.id} is still {self.state} after {timeout} s")

    def subscribe(self, on_event: OnEvent) -> threading.Thread:
        """Calls ``on_event`` with each event in a thread of its own, which ends with the job."""
        thread = threading.Thread(target=self._tell, args=(on_event,), name=f"ml-sidecar {self.id}", daemon=True)
        thread.start()
        return thread

    def refresh(self) -> types.Job:
        self.view = self._sidecar.call("jobs.get", jobId=self.id)["job"]
        return self.view

    def cancel(self) -> None:
        """Seen within one training step; the weights so far stay."""
        self.view = self._sidecar.call("jobs.cancel", jobId=self.id)["job"]

    def pause(self) -> None:
        self.view = self._sidecar.call("jobs.pause", jobId=self.id)["job"]

    def resume(self) -> None:
        """Goes on after a pause, or after an interruption when there is a checkpoint."""
        self.view = self._sidecar.call("jobs.resume", jobId=self.id)["job"]

    def _events(self) -> Iterator[Event]:
        session = self._sidecar._session
        inbox = session.subscribe(self.id)
        seen = 0
        pending = self._replay(seen)
        if not any(event.is_last for event in pending) and has_ended(self.refresh()):
            # Interrupted with an earlier process: there was no last event. Or it ended just now.
            pending += self._replay(pending[-1].seq if pending else seen)
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
            self._sidecar._wait_until(lambda: bool(inbox.events) or session.ended is not None, None)
            if not inbox.events:
                raise session.ended or closed()
            event = inbox.events.popleft()
            pending = [event] if event.seq <= seen + 1 else [*self._replay(seen), event]

    def _replay(self, after: int) -> List[Event]:
        """Events from before there was a reader, or that came faster than it read."""
        answer = self._sidecar.call("jobs.events", jobId=self.id, afterSeq=after)
        return [self._sidecar._session.event(event) for event in answer["events"]]

    def _tell(self, on_event: OnEvent) -> None:
        try:
            for event in self._events():
                on_event(event)
        except SidecarDiedError:
            pass  # whoever waits for the job hears of it


def has_ended(view: types.Job) -> bool:
    return view["state"] in {"completed", "failed", "cancelled", "interrupted"}


def finished(view: types.Job) -> types.TrainingResult:
    """The result of a job that has ended; raises when it ended otherwise than by completing."""
    if view["state"] == "completed":
        return cast("types.TrainingResult", view.get("result") or {})
    error = view.get("error")
    if error:
        raise from_wire(error)
    reason = "CANCELLED" if view["state"] == "cancelled" else "INVALID_STATE"
    raise from_wire({"code": 0, "message": f"job {view['id']} was {view['state']}", "data": {"reason": reason}})
