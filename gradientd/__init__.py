"""gradientd: colour gradients and blur placeholders for the pictures of a gallery, as a queue worker and as a library.

Importing it patches nothing and loads no client: the public names are resolved when they are first used (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gradientd.imaging import Limits as Limits
    from gradientd.imaging import generate_gradient as generate_gradient
    from gradientd.logs import create_logger as create_logger
    from gradientd.model import Gradient as Gradient
    from gradientd.model import Job as Job
    from gradientd.model import Result as Result
    from gradientd.settings import Settings as Settings
    from gradientd.settings import parse_env as parse_env
    from gradientd.worker import GradientWorker as GradientWorker
    from gradientd.worker import WorkerStats as WorkerStats

_HOMES = {
    "Gradient": "gradientd.model",
    "GradientWorker": "gradientd.worker",
    "Job": "gradientd.model",
    "Limits": "gradientd.imaging",
    "Result": "gradientd.model",
    "Settings": "gradientd.settings",
    "WorkerStats": "gradientd.worker",
    "create_logger": "gradientd.logs",
    "generate_gradient": "gradientd.imaging",
    "parse_env": "gradientd.settings",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'gradientd' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
