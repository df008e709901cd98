"""Machine learning from Python without a Python stack: a client of the ml-sidecar process.

>>> with Sidecar() as ml:
...     model = ml.create("classification", {"type": "mlp", "hidden": [128, 64]}, seed=7)
...     model.train("digits", validation=0.2, epochs=20).wait(progress=True)
...     model.evaluate("digits")["metrics"]["accuracy"]
"""

from . import _reasons, errors
from ._reasons import *  # noqa: F403  one class for each of the wire's reasons
from ._version import VERSION as __version__
from .aio import AsyncJob, AsyncModel, AsyncSidecar
from .client import Job, Model, Sidecar
from .errors import SidecarDiedError, SidecarError, SidecarMissingError, WaitTimeoutError
from .learn import Policy
from .progress import ProgressBar
from .requests import Handle, Summary
from .session import Event
from .tensor import Tensor

__all__ = [
    "AsyncJob",
    "AsyncModel",
    "AsyncSidecar",
    "Event",
    "Handle",
    "Job",
    "Model",
    "Policy",
    "ProgressBar",
    "Sidecar",
    "SidecarDiedError",
    "SidecarError",
    "SidecarMissingError",
    "Summary",
    "Tensor",
    "WaitTimeoutError",
    "__version__",
    "errors",
    *_reasons.__all__,
]
