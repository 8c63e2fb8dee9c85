"""The console script: ``cortexsim VERB ...`` is ``python -m cortexsim.VERB ...``."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable

from cortexsim import __version__, cli
from cortexsim.console.completion import completion_parser, script
from cortexsim.console.networks import models, models_parser


def completion(arguments: list[str]) -> int:
    """Print what makes a shell complete verbs, options and their values."""
    print(script(whole_parser(), completion_parser().parse_args(arguments).shell))
    return 0


def whole_parser() -> argparse.ArgumentParser:
    """One parser of all verbs with all of their options."""
    from cortexsim import cite, compare, explore, mask, rdm, record, show, table, train, verify
    from cortexsim.brainscore.__main__ import parser as brainscore
    from cortexsim.neural.__main__ import parser as neural

    configs: dict[str, type] = {
        "record": record.RecordConfig,
        "mask": mask.MaskConfig,
        "train": train.TrainConfig,
        "explore": explore.ExploreConfig,
        "show": show.ShowConfig,
        "rdm": rdm.RdmConfig,
        "table": table.TableConfig,
        "verify": verify.VerifyConfig,
        "compare": compare.CompareConfig,
        "cite": cite.CiteConfig,
    }
    made = {name: cli.parser_for(config, name, "") for name, config in configs.items()}
    made |= {"neural": neural(), "brainscore": brainscore()}
    made |= {"models": models_parser(), "completion": completion_parser()}
    parser = argparse.ArgumentParser(prog="cortexsim")
    verbs = parser.add_subparsers()
    for verb, text in {
        verb: text for group in VERBS.values() for verb, text in group.items()
    }.items():
        verbs.add_parser(verb, help=text, parents=[made[verb]], add_help=False)
    return parser


# What a person wants, and the verbs for it.
VERBS = {
    "run a network": {
        "record": "what every state does at every step, into a Zarr store",
        "mask": "the masking experiment: accuracy by SOA with and without masks, thresholds, "
        "disruption by area, lesions",
        "train": "a network of the zoo, or your own graph",
        "models": "list the networks; --trained: those whose weights are bundled",
    },
    "look at what it did": {
        "explore": "a page for the browser: states, readout, RDMs and brain on one time",
        "show": "a picture of one stimulus of a recording",
        "rdm": "one representational dissimilarity matrix for each state and step of a recording",
        "table": "a recording, RDMs or a result as a long table of text",
        "verify": "whether outputs are what was written, by their checksums",
    },
    "compare it with brains and people": {
        "compare": "a recording with neural data, beside noise ceiling, nulls and controls",
        "neural": "list, fetch and describe neural and behavioural benchmarks",
        "cite": "whom to cite for an output, as BibTeX",
        "brainscore": "a network as a submission to Brain-Score, or its score on a benchmark",
    },
    "make this shell complete verbs and options": {
        "completion": "what bash or zsh needs for it",
    },
}


def command_of(verb: str) -> Callable[[list[str]], int]:
    """The command of a verb; its module is imported when it is asked for."""
    match verb:
        case "models":
            return models
        case "completion":
            return completion
        case "record":
            from cortexsim.record import main
        case "rdm":
            from cortexsim.rdm import main
        case "compare":
            from cortexsim.compare import main
        case "explore":
            from cortexsim.explore import main
        case "mask":
            from cortexsim.mask import main
        case "brainscore":
            from cortexsim.brainscore.__main__ import main
        case "show":
            from cortexsim.show import main
        case "table":
            from cortexsim.table import main
        case "cite":
            from cortexsim.cite import main
        case "neural":
            from cortexsim.neural.__main__ import main
        case "train":
            from cortexsim.train import main
        case "verify":
            from cortexsim.verify import main
    return main


def main() -> None:
    """Dispatch to a verb; with none, list them and the networks."""
    verb, rest = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("", [])
    if verb == "--version":
        print(__version__)
    elif any(verb in group for group in VERBS.values()):
        cli.run(lambda: command_of(verb)(rest))
    else:
        _help(verb)


def _help(verb: str) -> None:
    """The verbs by what a person wants; exit status 2 for one that is none of them."""
    groups = "\n".join(
        f"\nto {what}:\n" + "\n".join(f"  {name:10s} {text}" for name, text in verbs.items())
        for what, verbs in VERBS.items()
    )
    print(
        f"cortexsim {__version__}: recurrent models of visual cortex\n"
        "\n"
        "usage: cortexsim VERB [options]\n"
        f"{groups}\n"
        "\n"
        "cortexsim VERB --help tells more"
    )
    if verb in ("", "-h", "--help"):
        return
    near = difflib.get_close_matches(verb, [name for group in VERBS.values() for name in group], 1)
    print(
        f"error: there is no verb {verb!r}" + (f"; did you mean {near[0]}?" if near else ""),
        file=sys.stderr,
    )
    sys.exit(2)


if __name__ == "__main__":
    main()
