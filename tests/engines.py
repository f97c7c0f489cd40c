"""The engines that a test keeps its ledger on."""

from __future__ import annotations

import pytest

ON_ONE = ("sqlite", pytest.param("postgresql", marks=pytest.mark.exhaustive))
"""For what does not hang on the engine; `make torture` tries it on the other one as well."""
LEDGER_ON_ONE = pytest.mark.parametrize("ledger", ON_ONE, indirect=True)
