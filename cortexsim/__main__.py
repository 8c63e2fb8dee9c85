"""The console script: ``cortexsim VERB ...`` is ``python -m cortexsim.VERB ...``."""

from __future__ import annotations

import argparse
import difflib
import importlib
import sys

from cortexsim import __version__, cli


def models(arguments: list[str]) -> int:
    """List the networks of the zoo, or with --trained those whose weights are bundled."""
    from cortexsim.models.weights import weights_folder
    from cortexsim.models.zoo import zoo

    names = zoo()
    if _models_parser().parse_args(arguments).trained:
        bundled = sorted(path.stem for path in weights_folder().glob("*.safetensors"))
        names = {name: names.get(name, "weights of your own in this folder") for name in bundled}
    print("\n".join(f"{name:28s} {text}" for name, text in names.items()))
    return 0


def _models_parser() -> cli.Parser:
    parser = cli.Parser(prog="cortexsim models", description=models.__doc__)
    parser.add_argument("--trained", action="store_true", help="only those with bundled weights")
    return parser


def completion(arguments: list[str]) -> int:
    """Print what makes a shell complete verbs, options and their values, for bash or zsh."""
    from cortexsim.console.completion import script

    print(script(whole_parser(), _completion_parser().parse_args(arguments).shell))
    return 0


def _completion_parser() -> cli.Parser:
    import shtab

    parser = cli.Parser(
        prog="cortexsim completion",
        description=f"{completion.__doc__}\n\n"
        '  bash   eval "$(cortexsim completion bash)"\n'
        '  zsh    eval "$(cortexsim completion zsh)"\n'
        "which takes seconds; for every new shell write it into a file once, which its start reads",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=shtab.SUPPORTED_SHELLS, help="which shell")
    return parser


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
    made |= {"models": _models_parser(), "completion": _completion_parser()}
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


HERE = {"models": models, "completion": completion}
ROOMS = ("neural", "brainscore")  # whose door is their own __main__


def main() -> None:
    """Dispatch to a verb; with none, list them and the networks."""
    verb, rest = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("", [])
    if verb == "--version":
        print(__version__)
    elif verb in HERE:
        cli.run(lambda: HERE[verb](rest))
    elif any(verb in group for group in VERBS.values()):
        room = f"{verb}.__main__" if verb in ROOMS else verb
        command = importlib.import_module(f"cortexsim.{room}").main
        cli.run(lambda: command(rest))
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
