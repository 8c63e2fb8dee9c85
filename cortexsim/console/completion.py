"""What a shell completes behind an option: the names that are known there, and files."""

from __future__ import annotations

import argparse
import hashlib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cortexsim import cli

FREE = ("name", "scheduler", "stimulus", "target", "variable", "identifier", "regions", "benchmark")
"""Options whose values only their user knows, or data that are named elsewhere on the line."""


def completion_parser() -> cli.Parser:
    """The options of ``cortexsim completion``."""
    import shtab

    parser = cli.Parser(
        prog="cortexsim completion",
        description="Print what makes a shell complete verbs, options and their values, for bash "
        "or zsh.\n\n"
        '  bash   eval "$(cortexsim completion bash)"\n'
        '  zsh    eval "$(cortexsim completion zsh)"\n'
        "which takes seconds; for every new shell write it into a file once, which its start reads",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=shtab.SUPPORTED_SHELLS, help="which shell")
    return parser


@dataclass(frozen=True)
class Values:
    """The values of an option.

    Parameters
    ----------
    names : tuple of str
        Those that have a name.
    files : bool
        Whether a file or a folder will do as well.
    states : bool
        Whether the states of the recording on the line will do, or V1, V2, V4, IT without one.
    """

    names: tuple[str, ...] = ()
    files: bool = False
    states: bool = False


def known_values() -> dict[str, Values]:
    """The values of each option that takes text and whose choices argparse does not know.

    By the name of the option; ``VERB NAME`` where a verb differs.
    """
    from cortexsim import neural
    from cortexsim.analysis.linear.estimators import ESTIMATORS
    from cortexsim.analysis.linear.regression import METHODS
    from cortexsim.analysis.rsa.comparators import COMPARATORS
    from cortexsim.analysis.rsa.kernels import MEASURES
    from cortexsim.experiments.people import MASKING
    from cortexsim.experiments.train.suite import SUITES
    from cortexsim.models.graph import KINDS
    from cortexsim.models.weights import weights_folder
    from cortexsim.models.zoo import zoo
    from cortexsim.neural.benchmarks.registry import BENCHMARKS
    from cortexsim.stimuli.cifar import NAMES
    from cortexsim.stimuli.masks import IMAGE, MASKS
    from cortexsim.training.presenting import RANDOM

    trained = sorted(path.stem for path in weights_folder().glob("*.safetensors"))
    networks = Values(tuple(dict.fromkeys([*zoo(), *trained])), files=True)
    benchmarks = tuple(neural.list())
    pictured = [name for name in benchmarks if "the images" in BENCHMARKS[name].line]
    measures, files = Values(tuple(MEASURES)), Values(files=True)
    return {
        "model": networks,
        "from_weights": networks,
        "stimuli": Values(("sample", "cifar10", *pictured), files=True),
        "mask stimuli": Values(("cifar10",), files=True),
        "calibrate_on": Values(NAMES, files=True),
        "data": Values((*NAMES, "tiny-imagenet"), files=True),
        "neural": Values(benchmarks, files=True),
        "names": Values(("all", *benchmarks)),
        "people": Values((MASKING,), files=True),
        "sources": Values((*networks.names, *benchmarks), files=True),
        "suite": Values(tuple(SUITES)),
        "measure": measures,
        "record rdm": measures,
        "comparator": Values(tuple(COMPARATORS)),
        "estimator": Values(tuple(dict.fromkeys([*METHODS, *ESTIMATORS]))),
        "resample": Values(("subject", "condition", "both")),
        "keep": Values(("full", "mean")),
        "device": Values(("auto", "cpu", "cuda")),
        "rdm device": Values(("cuda",)),
        "lesion": Values(KINDS),
        "mask lesion": Values(("none", *KINDS)),
        "mask mask": Values((*MASKS, IMAGE)),
        "supervise": Values(("last", "all")),
        "presentation": files,
        "train presentation": Values((RANDOM,), files=True),
        "states": Values(states=True),
        "state": Values(states=True),
        "table states": Values(("readout",), states=True),
        **dict.fromkeys(
            ("out", "figure", "paths", "recording", "recordings", "source", "rdm"), files
        ),
    }


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """What a shell reads to complete verbs, options and their values.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Of all verbs, made for this: it must not parse any more.
    shell : str
        One that shtab knows; in others than bash and zsh only what argparse knows is completed.
    """
    import shtab

    known = known_values()
    for verb, action in options_of(parser):
        if shell == "zsh" and action.nargs in ("+", "*") and action.option_strings:
            action.metavar = f"*-*:{action.dest}"  # every word until the next option
        values = known.get(f"{verb} {action.dest}", known.get(action.dest))
        if action.choices is None and action.nargs != 0 and values:
            action.complete = _in_shells(values)  # type: ignore[attr-defined]
    text: str = shtab.complete(parser, shell)
    return text.replace('"(*):', '"*:') if shell == "zsh" else text  # of places: each of several


def options_of(
    parser: argparse.ArgumentParser, words: str = ""
) -> Iterator[tuple[str, argparse.Action]]:
    """Every option of every verb, with the verb.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Of a verb, or of all.
    words : str
        The verbs that lead to it.
    """
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb, below in action.choices.items():
                yield from options_of(below, f"{words} {verb}".strip())
        else:
            yield words, action


BASH = """
{name}() {{  # $1 is what is typed, but empty for what begins like an option
  [[ "$completing_word" == -* ]] && {{
    compgen -W "${{current_option_strings[*]}}" -- "$completing_word"
    return
  }}
  local names={names}{states}
  compgen -W "$names" -- "$1"{files}
}}"""
BASH_STATES = """ word folder found=''
  for word in "${COMP_WORDS[@]}"; do
    for folder in "$word"/*/activation; do
      [[ -d "$folder" ]] && folder="${folder%/*}" && found+=" ${folder##*/}"
    done
  done
  names+=${found:- V1 V2 V4 IT}"""
ZSH = """
{name}() {{
  [[ $PREFIX == -* ]] && {{  # behind an option that takes several values
    local options=_shtab_cortexsim_${{words[1]}}_options
    compadd -- ${{${{(M)${{(P)options}}:#--*}}%%\\[*}}
    return
  }}
  local -a names=({names}){states}
  compadd -a names{files}
}}"""
ZSH_STATES = """ found
  local word
  for word in $words; do found+=($word/*/activation(N/:h:t)); done
  (( $#found )) || found=(V1 V2 V4 IT)
  names+=($found)"""


def _in_shells(values: Values) -> dict[str, Any]:
    """As shtab takes it: the name of a function in bash and zsh, and what defines it."""
    what = "files" if values.files else "names"  # by this word shtab knows what becomes a path
    text = f"{values.names}{values.states}"
    name = f"_cortexsim_{what}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    names = " ".join(values.names)
    bash = BASH.format(
        name=name,
        names=shlex.quote(names),
        states=BASH_STATES if values.states else "",
        files='\n  compgen -f -- "$1"' if values.files else "",
    )
    zsh = ZSH.format(
        name=name,
        names=names,
        states=ZSH_STATES if values.states else "",
        files="\n  _files" if values.files else "",
    )
    return {"bash": name, "zsh": name, "preamble": {"bash": bash, "zsh": zsh}}
