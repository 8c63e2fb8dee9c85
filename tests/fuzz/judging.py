"""What becomes of a malformed case: a result, a clear error, or what must never be."""

from __future__ import annotations

import dis
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import cortexsim
from cortexsim.errors import CortexsimError

GOOD = ("result", "clear error")
BAD = ("raw", "nonsense", "hang", "segfault")
LONGEST = 6000
"""Characters of a message that a person still reads."""
PACKAGE = str(Path(cortexsim.__file__).parent)
ON_PURPOSE = (ValueError, TypeError, LookupError, OSError, ImportError, NotImplementedError)


@dataclass(frozen=True)
class Case:
    """One malformed case.

    name: of the function, file or command. text: what is malformed in it. work: does it. wrong:
    of a result, why it is nonsense, or an empty text.
    """

    name: str
    text: str
    work: Callable[[], Any]
    wrong: Callable[[Any], str] = lambda result: ""


class Refused(Exception):
    """A command said in words why it does not do it."""


def judged(case: Case) -> tuple[str, str]:
    """The outcome, and what there is to say about a bad one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = case.work()
            why = case.wrong(result)
    except Refused:
        return "clear error", ""
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        return _of_error(error)
    return ("nonsense", why) if why else ("result", "")


def _of_error(error: BaseException) -> tuple[str, str]:
    """Clear where it is ours, or was raised on purpose by a statement of ours."""
    message = str(error)
    if not message.strip():
        return "raw", f"{type(error).__name__} without a word{_where(error)}"
    if len(message) > LONGEST:
        return "raw", f"{type(error).__name__} of {len(message):,} characters{_where(error)}"
    if isinstance(error, CortexsimError):
        return "clear error", ""
    if isinstance(error, ON_PURPOSE) and raised_by_us(error.__traceback__):
        return "clear error", ""
    return "raw", f"{type(error).__name__}: {' '.join(message.split())[:160]}{_where(error)}"


def raised_by_us(trace: TracebackType | None) -> bool:
    """Whether the innermost frame is the package's, and stands at a ``raise``."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not trace.tb_frame.f_code.co_filename.startswith(PACKAGE):
        return False
    operation = trace.tb_frame.f_code.co_code[trace.tb_lasti]
    return dis.opname[operation] == "RAISE_VARARGS"


def _where(error: BaseException) -> str:
    """The innermost line of the package that it passed through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if PACKAGE in f.filename]
    if not frames:
        return ""
    last = frames[-1]
    return f" [{Path(last.filename).relative_to(PACKAGE)}:{last.lineno}]"
