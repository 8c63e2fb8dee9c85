"""The networks of the zoo, listed: ``cortexsim models``."""

from __future__ import annotations

from cortexsim import cli


def models(arguments: list[str]) -> int:
    """List the networks of the zoo, or with --trained those whose weights are bundled."""
    from cortexsim.models.weights import weights_folder
    from cortexsim.models.zoo import zoo

    names = zoo()
    if models_parser().parse_args(arguments).trained:
        bundled = sorted(path.stem for path in weights_folder().glob("*.safetensors"))
        names = {name: names.get(name, "weights of your own in this folder") for name in bundled}
    print("\n".join(f"{name:28s} {text}" for name, text in names.items()))
    return 0


def models_parser() -> cli.Parser:
    """The options of ``cortexsim models``."""
    parser = cli.Parser(prog="cortexsim models", description=models.__doc__)
    parser.add_argument("--trained", action="store_true", help="only those with bundled weights")
    return parser
