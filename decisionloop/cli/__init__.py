"""The command line. Nothing heavy is imported until a command needs it."""

from __future__ import annotations

import sys

UNEXPECTED = 70
"""Exit code of a defect: Python's own 1 would say that a batch was halted."""


def main() -> None:
    """Run the command line; a deliberate error ends it with a message and that error's exit code."""
    from decisionloop.cli.app import app
    from decisionloop.cli.environment import turn_telemetry_off
    from decisionloop.errors import DecisionLoopError
    from decisionloop.imports import leave_out_iri_grammar

    turn_telemetry_off()
    leave_out_iri_grammar()
    try:
        app()
    except DecisionLoopError as error:
        sys.stderr.write(f"decisionloop: {error}\n")
        sys.exit(error.exit_code)
    except Exception as error:
        import traceback

        from decisionloop.cli.unwritable import why_unwritable
        from decisionloop.errors import ConfigurationError
        from decisionloop.masking import masked, without_secrets

        why = why_unwritable(error)
        if why:
            sys.stderr.write(f"decisionloop: {masked(why)}\n")
            sys.exit(ConfigurationError.exit_code)
        sys.stderr.write("".join(traceback.format_exception(without_secrets(error))))
        sys.exit(UNEXPECTED)
