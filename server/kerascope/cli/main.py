"""The command `kerascope`: reads the arguments and hands over to one of the commands.

Nothing heavy is imported before the command that needs it is known.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from kerascope import __version__
from kerascope.cli.failure import CannotRun


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 2
    try:
        status = _run(options)
        sys.stdout.flush()
    except CannotRun as reason:
        print(f"kerascope: {reason}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader, `head` for example, has seen enough. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("KERASCOPE_TRACEBACK"):
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())
        print(
            f"kerascope: Kerascope failed; please report that, with what you ran. ({text})", file=sys.stderr
        )
        return 2
    return status


def _run(options: argparse.Namespace) -> int:
    if options.command == "check":
        from kerascope.cli import check

        return check.run(options)
    if options.command == "build":
        from kerascope.cli import build

        return build.run(options)
    if options.command == "rule":
        from kerascope.cli import rule

        return rule.run(options)
    from kerascope.cli import server

    return server.run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kerascope",
        description="Finds Keras layers whose weights are not tracked, built, trained or saved.",
    )
    parser.add_argument("--version", action="version", version=f"kerascope {__version__}")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    _add_check(commands.add_parser("check", help="check files and folders", description=_CHECK))
    _add_build(commands.add_parser("build", help="build layers for real, and measure", description=_BUILD))
    rule = commands.add_parser("rule", help="explain a rule, or all rules", description=_RULE)
    rule.add_argument("code", nargs="?", metavar="CODE", help="for example KS101; all rules without it")
    rule.add_argument(
        "--output-format", choices=("text", "json"), default="text", help="default: %(default)s"
    )
    server = commands.add_parser("server", help="serve an editor", description=_SERVER)
    server.add_argument(
        "--tcp", metavar="HOST:PORT", help="listen there instead of standard input and output"
    )
    server.add_argument(
        "--stdio", action="store_true", help="serve over standard input and output, as without it"
    )
    return parser


_CHECK = """Checks Python files, and every Python file in folders (.gitignore is respected).
Exit status: 0 nothing found, or information only; 1 findings of severity warning or error; 2 something
that you named could not be checked."""

_BUILD = """Builds layer classes with the Keras of your interpreter, calls them, and shows every weight: which
ones Keras tracks, trains, saves. Only what a class needs of its file is run, in a process of its own. How to
make and call a class is read off the file, unless you say it here or in a comment above the class,
# kerascope: build(units=3) on (None, 5)
Exit status: 0 all is well, or information only; 1 findings of severity warning or error; 2 a class could not
be built."""

_RULE = "Explains a rule: what it reports, why that is bad, what to write instead."

_SERVER = "Serves the Language Server Protocol over standard input and output. Your editor starts this."


def _add_check(check: argparse.ArgumentParser) -> None:
    check.add_argument(
        "paths", nargs="*", metavar="PATH", help="files, folders, or - for standard input (default: .)"
    )
    check.add_argument(
        "--stdin-filename", metavar="PATH", help="which file standard input is, for its imports"
    )
    check.add_argument(
        "--keras", choices=("2", "3", "both", "auto"), help="whose behaviour to check for (default: auto)"
    )
    check.add_argument(
        "--select",
        action="append",
        metavar="CODES",
        help="only these rules: KS101,KS2; a prefix means all that begin so",
    )
    check.add_argument("--ignore", action="append", metavar="CODES", help="all rules but these")
    check.add_argument(
        "--severity",
        action="append",
        metavar="CODE=LEVEL",
        help="error, warning or information, for one rule",
    )
    check.add_argument(
        "--output-format", choices=("full", "concise", "json"), default="full", help="default: %(default)s"
    )
    check.add_argument("--fix", action="store_true", help="apply the safe fixes")
    check.add_argument("--unsafe-fixes", action="store_true", help="apply all fixes; look at the result")
    check.add_argument(
        "--diff", action="store_true", help="print what the fixes would change, and change nothing"
    )
    check.add_argument("--statistics", action="store_true", help="print how often each rule reports instead")
    check.add_argument(
        "--exit-zero", action="store_true", help="exit with status 0 even if there are findings"
    )
    check.add_argument("--jobs", type=int, metavar="N", help="how many processes (default: what pays)")
    check.add_argument(
        "--no-cache", action="store_true", help="neither read nor write the results of earlier runs"
    )


def _add_build(build: argparse.ArgumentParser) -> None:
    build.add_argument(
        "targets", nargs="+", metavar="FILE[::CLASS]", help="one class, or every layer class of a file"
    )
    build.add_argument("--init", metavar="ARGS", help="arguments of the constructor: 'units=3, name=\"a\"'")
    build.add_argument(
        "--on", metavar="INPUTS", help="what to call it on: '(None, 5)', 'query=(2, 3), mask=bool(2, 3)'"
    )
    build.add_argument("--call", metavar="ARGS", help="further arguments of the call: 'training=True'")
    build.add_argument("--python", metavar="PATH", help="the interpreter that has Keras (default: found)")
    build.add_argument(
        "--keras", choices=("2", "3", "both", "auto"), help="which Keras to build with (default: auto)"
    )
    build.add_argument("--timeout", type=float, metavar="SECONDS", help="for each class (default: 60)")
    build.add_argument("--memory", type=int, metavar="MB", help="for each class (default: 4096)")
    build.add_argument("--gpu", action="store_true", help="let it see the GPU")
    build.add_argument("--show-slice", action="store_true", help="list what of the file was not run")
    build.add_argument("--json", action="store_true", help="print the reports as JSON")
    build.set_defaults(select=None, ignore=None, severity=None)


if __name__ == "__main__":
    sys.exit(main())
