"""`python -m conformance` is the `conformance` command."""

from conformance.cli.main import main

main(prog_name="conformance")
