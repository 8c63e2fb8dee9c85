"""Run a benchmark of Brain-Score where its data can be had.

Otherwise say what to run, and where.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import BrainScoreError, CortexsimError

if TYPE_CHECKING:
    from cortexsim.brainscore.model import BrainModel

UNREACHABLE = (
    "EndpointConnection",
    "ConnectTimeout",
    "ConnectionError",
    "Could not connect",
    "Max retries",
    "resolve",
    "Proxy",
    "timed out",
)
FORBIDDEN = ("403", "AccessDenied", "Access Denied", "Forbidden")
SUBMIT = (
    "submit the zip of 'cortexsim brainscore package --model {model} --out "
    "submission.zip' at https://www.brain-score.org"
)


def score(model: BrainModel, benchmark: str) -> Any:
    """The Score of a model on a benchmark.

    By Brain-Score's own ``score_benchmark`` (memory check, recordings, metric, ceiling). Nothing is
    installed on the way (``BS_INSTALL_DEPENDENCIES`` is set to ``no`` unless it is set already).

    Parameters
    ----------
    model : BrainModel
        The subject.
    benchmark : str
        Identifier of the benchmark.

    Returns
    -------
    Score
        Brain-Score's own class.

    Raises
    ------
    BrainScoreError
        In one message: no such benchmark (with the nearest names), data out of reach of this
        machine, private data, a failure inside the benchmark.
    """
    os.environ.setdefault("BS_INSTALL_DEPENDENCIES", "no")
    import brainscore_vision
    from brainscore_core.benchmarks import score_benchmark

    if benchmark not in (known := benchmarks()):
        near = difflib.get_close_matches(benchmark, known, 5, 0.5)
        raise BrainScoreError(
            f"Brain-Score {brainscore_vision_version()} has no benchmark {benchmark!r}"
            + (
                f"; did you mean {', '.join(near)}?"
                if near
                else f"; it has {len(known)}, e.g. MajajHong2015public.IT-pls"
            )
        )
    with _explained(model.identifier, benchmark):
        return score_benchmark(brainscore_vision.load_benchmark(benchmark), model)


def benchmarks() -> list[str]:
    """The names of the benchmarks that are written out in the installed Brain-Score.

    Returns
    -------
    list of str
        Sorted.
    """
    import brainscore_vision

    files = sorted((Path(brainscore_vision.__file__).parent / "benchmarks").glob("*/__init__.py"))
    text = "\n".join(f.read_text(encoding="utf-8") for f in files)
    return sorted(set(re.findall(r"benchmark_registry\[f?['\"]([^'\"{}]+)['\"]\]", text)))


def brainscore_vision_version() -> str:
    """The version of the installed Brain-Score.

    Returns
    -------
    str
        E.g. "2.3".
    """
    from importlib import metadata

    return metadata.version("brainscore-vision")


@contextlib.contextmanager
def _explained(model: str, benchmark: str) -> Iterator[None]:
    """Failures inside Brain-Score as one message: it raises lists of exceptions, assertions and
    what its libraries raise.
    """
    try:
        yield
    except CortexsimError:
        raise
    except Exception as error:
        raise BrainScoreError(explanation(error, model, benchmark)) from error


def explanation(error: Exception, model: str, benchmark: str) -> str:
    """What a failure means, and what to do.

    Parameters
    ----------
    error : Exception
        What was raised.
    model : str
        Name of the model.
    benchmark : str
        Name of the benchmark.

    Returns
    -------
    str
        One message.
    """
    # The causes, too: a ConnectionError is often wrapped.
    chain: list[str] = []
    e: BaseException | None = error
    while e is not None and len(chain) < 10:
        chain.append(f"{type(e).__name__}: {e}")
        e = e.__cause__ or e.__context__
    text = "\n".join(chain)
    if any(sign in text for sign in UNREACHABLE):
        return (
            f"{benchmark} was not run: its data are on the servers of Brain-Score "
            "(brainscore-storage.s3.amazonaws.com), which this machine does not reach. On a "
            "machine with a connection:\n"
            "  make brainscore\n"
            f"  .venv-brainscore/bin/cortexsim brainscore score --model {model} "
            f"--benchmark {benchmark}\n"
            f"or {SUBMIT.format(model=model)}"
        )
    if any(sign in text for sign in FORBIDDEN):
        return (
            f"{benchmark} was not run: its data are private, only Brain-Score itself can run it; "
            f"{SUBMIT.format(model=model)}"
        )
    if isinstance(error, ModuleNotFoundError):
        return (
            f"{benchmark} was not run: it needs the module {error.name!r}; install it into this "
            "environment and run the same command again"
        )
    return f"{benchmark} failed inside Brain-Score: {chain[0][:500]}"


def report(result: Any, model: str, benchmark: str) -> dict[str, Any]:
    """The numbers of a Score, JSON-ready.

    Parameters
    ----------
    result : Score
        What :func:`score` returned.
    model : str
        Name of the model.
    benchmark : str
        Name of the benchmark.

    Returns
    -------
    dict of str to Any
        score (ceiled), error, raw, ceiling: a list where there is one for each time bin, None for
        what is absent.
    """

    def numbers(value: Any) -> float | list[float] | None:
        if value is None:
            return None
        array = np.asarray(getattr(value, "values", value), dtype=float)
        return array.item() if array.size == 1 else array.ravel().tolist()

    parts = {name: numbers(result.attrs.get(name)) for name in ("error", "raw", "ceiling")}
    about = {
        "model": model,
        "benchmark": benchmark,
        "brainscore_vision": brainscore_vision_version(),
    }
    return {**about, "score": numbers(result), **parts}
