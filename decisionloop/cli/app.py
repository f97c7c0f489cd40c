"""Every command by name. What a command does is in the module of its name.

Exit codes: 0 done, 1 a batch was halted or somebody must look, 2 a faulty contract or wrong usage, 3 any other refusal,
4 configuration, 5 source, 6 integrity, 7 a model that cannot be compiled, 8 delivery, 9 a person must approve first,
70 a defect, 130 interrupted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decisionloop.cli.alert_commands import alerts_app, watchdog
from decisionloop.cli.approver_commands import approvers_app
from decisionloop.cli.arguments import AsJson, Batches, ByWhom, Home, UseCaseName, Version, Why
from decisionloop.cli.audit_commands import audit_app, erase, retention
from decisionloop.cli.backup import backup, restore
from decisionloop.cli.cohort_commands import cohorts_app
from decisionloop.cli.export import export
from decisionloop.cli.flag_commands import flags_app
from decisionloop.cli.incident_commands import incidents_app
from decisionloop.cli.keys import keys_app
from decisionloop.cli.release_commands import approve, deploy, explain, history, rollback, shadow, stop
from decisionloop.cli.service_command import deploy_flows, seal, serve, service
from decisionloop.cli.switch_commands import kill_switch, kill_switch_all
from decisionloop.cli.usecase_commands import usecase_app

app = typer.Typer(
    name="decisionloop",
    help="Run a business decision as a closed loop: predict, act, observe, learn.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # rich takes longer to import than all the rest of a help page
    context_settings={"max_content_width": 120},
)
ledger_app = typer.Typer(help="The ledger's database.", no_args_is_help=True)
monitors_app = typer.Typer(help="What watches the loop.", no_args_is_help=True)
outbox_app = typer.Typer(help="Actions that the kill switch holds: who lets them go, or not.", no_args_is_help=True)
app.add_typer(usecase_app, name="usecase")
app.add_typer(ledger_app, name="ledger")
app.add_typer(monitors_app, name="monitors")
app.add_typer(incidents_app, name="incidents")
app.add_typer(alerts_app, name="alerts")
app.add_typer(outbox_app, name="outbox")
app.add_typer(keys_app, name="keys")
app.add_typer(cohorts_app, name="cohorts")
app.add_typer(approvers_app, name="approvers")
app.add_typer(flags_app, name="flags")
app.add_typer(audit_app, name="audit")


@app.callback()
def options(version: Version = False, home: Home = None) -> None:
    """Run a business decision as a closed loop: predict, act, observe, learn."""


@app.command()
def run(
    use_case: UseCaseName,
    as_of: Annotated[
        str,
        typer.Option(
            help="Date or time of the batch, UTC, such as 2005-07-08. Default: the last due time of its schedule."
        ),
    ] = "",
    allow_future: Annotated[bool, typer.Option("--allow-future", help="Take an --as-of that is yet to come.")] = False,
    catch_up: Annotated[
        bool,
        typer.Option(
            "--catch-up",
            help="First decide whom earlier runs missed: no run took place, rows came late, or the batch was halted.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run one turn of the loop. Exit code 1 says that a check halted the batch."""
    from decisionloop.cli.run import run_once

    run_once(use_case, as_of, as_json, allow_future, catch_up)


@app.command()
def demo(
    use_case: Annotated[str, typer.Argument(help="A use case whose source is a replay.")] = "credit_line",
    scenario: Annotated[str, typer.Option(help="What happens in a simulated world, such as concept_drift.")] = "",
    bad_release: Annotated[
        bool | None,
        typer.Option(
            "--bad-release/--no-bad-release",
            help="Ship a bad release on purpose, and see who stops it. Default: in credit_line alone.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replay recorded history through the whole loop and tell its story. A killed demo goes on where it was.

    Exit code 1 says that a check halted batches.
    """
    from decisionloop.cli.demo import replay

    replay(use_case, as_json, scenario, bad_release)


@app.command()
def status(
    use_case: Annotated[str, typer.Argument(help="Name of a use case; none: all of them.")] = "",
    as_json: AsJson = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only whether somebody must look; exit code 1: yes, it is late or critical."),
    ] = False,
) -> None:
    """Who decides now, what the last batches did, and what waits for a person."""
    if check:
        from decisionloop.cli.check import check_loops

        check_loops(use_case, as_json)
        return
    from decisionloop.cli.status import show_status

    show_status(use_case, as_json)


@app.command()
def actions(use_case: UseCaseName, as_json: AsJson = False) -> None:
    """What each action earned, more than the rules and for what cost, with intervals, over all complete cohorts."""
    from decisionloop.cli.evidence import show_actions

    show_actions(use_case, as_json)


@app.command()
def features(
    use_case: UseCaseName,
    as_of: Annotated[
        str,
        typer.Option(
            help="Date or time, UTC, such as 2005-10-01: the review as of then, which is made where there is none. It "
            "takes minutes. Default: the newest review."
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """What each feature earns, how often it is a reason, missing or moved, and what earns nothing."""
    from decisionloop.cli.features import show_features

    show_features(use_case, as_of, as_json)


@app.command()
def latency(use_case: UseCaseName, as_json: AsJson = False) -> None:
    """What became of decisions beside how long their answers took, where they are made one at a time."""
    from decisionloop.cli.latency import show_latency

    show_latency(use_case, as_json)


@app.command()
def story(
    use_case: UseCaseName,
    to: Annotated[Path | None, typer.Option(help="File or folder for the page. Default: <home>/reports.")] = None,
) -> None:
    """Write the story of a use case: one self-contained HTML page."""
    from decisionloop.cli.story import write_story

    typer.echo(str(write_story(use_case, to)))


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what is misconfigured, which databases are in use, and how durable they are."""
    from decisionloop.cli.doctor import examine

    examine(as_json)


@app.command()
def drill(use_case: UseCaseName, as_json: AsJson = False) -> None:
    """Exercise kill switch and rollback on a made-up use case beside the real ledger, and say how long they take."""
    from decisionloop.cli.drill import run_drill

    run_drill(use_case, as_json)


for _command in (kill_switch, kill_switch_all, deploy, approve, stop, shadow, rollback, history, explain):
    app.command()(_command)
for _kept in (export, backup, restore, erase, retention):
    app.command()(_kept)
app.command("deploy-flows")(deploy_flows)
app.command()(watchdog)


app.command()(serve)
app.command()(service)
app.command()(seal)


@ledger_app.command("upgrade")
def ledger_upgrade() -> None:
    """Bring the ledger's tables to this version."""
    from decisionloop.cli.ledger import upgrade

    upgrade()


@monitors_app.command("report")
def monitors_report(use_case: UseCaseName, as_json: AsJson = False) -> None:
    """How often the monitors may err and did, what their limits rest on, and how soon they noticed a true change."""
    from decisionloop.cli.monitors import report

    report(use_case, as_json)


@outbox_app.command("list")
def outbox_list(use_case: UseCaseName, as_json: AsJson = False) -> None:
    """What a model chose and the kill switch holds, and what was released and has not left yet."""
    from decisionloop.cli.outbox import list_waiting

    list_waiting(use_case, as_json)


@outbox_app.command("release")
def outbox_release(use_case: UseCaseName, reason: Why, by: ByWhom, batch: Batches = None) -> None:
    """Let held actions leave at the next dispatch, also while the kill switch is on; only approvers may."""
    from decisionloop.cli.outbox import release

    release(use_case, batch or (), reason, by)


@outbox_app.command("cancel")
def outbox_cancel(use_case: UseCaseName, reason: Why, by: ByWhom, batch: Batches = None) -> None:
    """Cancel held actions for good: they never leave, and nothing is learnt from them."""
    from decisionloop.cli.outbox import cancel

    cancel(use_case, batch or (), reason, by)
