"""The `marketo-soap` command. Needs the `cli` extra, and `server` for the sandbox."""

import io
import sys


def main() -> None:
    """Run the command."""
    try:
        from marketo_soap.cli.commands import cli
    except ModuleNotFoundError as error:
        sys.exit(f"marketo-soap needs {error.name}: pip install 'marketo_soap[cli,server]'")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter loses no answer
    cli()
