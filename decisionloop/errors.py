"""Every error that decisionloop raises on purpose.

    DecisionLoopError                 exit code 3
    ├── ContractError                 exit code 2   a use case contract has faults (carries all of them)
    ├── UsageError                    exit code 2   a command or flow was asked for something that cannot be
    │   └── NothingToLearn            exit code 2   no model can be trained on what is known
    ├── ConfigurationError            exit code 4   settings, database or server are not as they must be
    │   └── LedgerOutOfReach          exit code 4   the ledger's database did not come back while it was waited for
    ├── SourceError                   exit code 5   the use case's source could not be read as the contract says
    ├── BatchHalted                   exit code 1   a check stopped the batch; nothing left the house
    ├── IntegrityError                exit code 6   stored bytes are not the bytes that the ledger recorded
    ├── CompileError                  exit code 7   a model cannot be represented exactly by the scorer
    ├── DeliveryError                 exit code 8   an action could not be delivered (it stays in the outbox)
    │   └── DeliveryRefused           exit code 8   the receiver is there and does not take it
    ├── ApprovalAwaited               exit code 9   a person must approve first; nothing was changed
    ├── DeploymentStopped             exit code 3   a release did not pass a step of its deployment; nobody else decides
    └── DrillFailed                   exit code 3   in a drill a way back did not do what it must

Each message names what was wrong, where, and the remedy; a password or token in it is masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from decisionloop.masking import masked


class DecisionLoopError(Exception):
    """Base of every deliberate error; ``exit_code`` is what the command line returns."""

    exit_code = 3

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(masked(one) if isinstance(one, str) else one for one in arguments))


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a contract: where, what value, and what to do; ``line`` of the file where it is known.

    ``unquoted``: the same without what code or rows said, for that may be a person's; None where it quotes nothing.
    """

    path: str
    value: str
    problem: str
    remedy: str
    line: int | None = None
    unquoted: Fault | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", masked(self.value))
        object.__setattr__(self, "problem", masked(self.problem))
        object.__setattr__(self, "remedy", masked(self.remedy))

    def as_json(self) -> dict[str, object]:
        """Plain values for JSON, as a terminal says it."""
        return {name: value for name, value in vars(self).items() if name != "unquoted"}

    def __str__(self) -> str:
        line = "" if self.line is None or self.path.startswith("line ") else f" (line {self.line})"
        return f"{self.path}{line}: {self.problem} (got {self.value}). {self.remedy}"


class ContractError(DecisionLoopError):
    """A use case contract has one or more faults; ``faults`` lists them all."""

    exit_code = 2

    def __init__(self, where: str, faults: Sequence[Fault]) -> None:
        self.where = where
        self.faults = tuple(faults)
        noun = "fault" if len(self.faults) == 1 else "faults"
        lines = "\n".join(f"  - {fault}" for fault in self.faults)
        super().__init__(f"{where}: {len(self.faults)} {noun}\n{lines}")

    def without_quotes(self) -> ContractError:
        """The same faults without what code or rows said: alerts, notices and logs must hold nobody's data."""
        return ContractError(self.where, [one.unquoted or one for one in self.faults])

    def with_those_of(self, other: ContractError) -> ContractError:
        """This error, which tells the faults of another contract as well."""
        both = ContractError(self.where, self.faults)
        both.args = (f"{self}\n{other}",)
        return both


class UsageError(DecisionLoopError):
    """A command or flow was asked for something that cannot be."""

    exit_code = 2


class NothingToLearn(UsageError):
    """No model can be trained on what is known."""


class ConfigurationError(DecisionLoopError):
    """A setting, database or server is not as it must be."""

    exit_code = 4


class LedgerOutOfReach(ConfigurationError):
    """The ledger's database is away, and was waited for: without it no further step of a run can do anything."""


class SourceError(DecisionLoopError):
    """A source could not be read as the contract says.

    ``unquoted``: the same without what code of a user's said, for that may be a person's; "" where it quotes nothing.
    """

    exit_code = 5

    def __init__(self, *arguments: object, unquoted: str = "") -> None:
        super().__init__(*arguments)
        self.unquoted = unquoted


class BatchHalted(DecisionLoopError):
    """A check stopped the batch: nothing was acted on. ``batch_id`` and ``check`` say where."""

    exit_code = 1

    def __init__(self, batch_id: str, check: str, remedy: str) -> None:
        self.batch_id, self.check, self.remedy = batch_id, check, remedy
        super().__init__(f"batch {batch_id} halted: {check}. {remedy}")

    def __reduce__(self) -> tuple[type[BatchHalted], tuple[str, str, str]]:
        return type(self), (self.batch_id, self.check, self.remedy)


class IntegrityError(DecisionLoopError):
    """Stored bytes are not the bytes that the ledger recorded."""

    exit_code = 6


class CompileError(DecisionLoopError):
    """A trained pipeline cannot be represented exactly by the compiled scorer."""

    exit_code = 7


class DeliveryError(DecisionLoopError):
    """An action could not be delivered; it stays in the outbox."""

    exit_code = 8


class DeliveryRefused(DeliveryError):
    """The receiver is there and does not take an action; what else is to be sent it may take."""


class DeploymentStopped(DecisionLoopError):
    """A release did not pass a step of its deployment; whoever decided before goes on. ``step`` says where."""

    def __init__(self, step: str, problem: str) -> None:
        self.step, self.problem = step, problem
        super().__init__(f"{problem} Nothing was changed (step {step}).")

    def __reduce__(self) -> tuple[type[DeploymentStopped], tuple[str, str]]:
        return type(self), (self.step, self.problem)


class DrillFailed(DecisionLoopError):
    """In a drill kill switch, rollback or a backup did not do what they must; nobody's decisions were touched."""


class ApprovalAwaited(DecisionLoopError):
    """A person must approve it first; nothing was changed."""

    exit_code = 9
