"""The contract of a use case: what makes a decision problem, checked before anything runs."""

from decisionloop.contract.loading import UseCaseFolder, load_use_case, parse_use_case, use_case_folder
from decisionloop.contract.usecase import UseCase

__all__ = ["UseCase", "UseCaseFolder", "load_use_case", "parse_use_case", "use_case_folder"]
