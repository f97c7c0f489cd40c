"""The code of a first use case: features as the table has them, and rules that do what was done."""

from __future__ import annotations

from decisionloop.draft.contract_text import Drafted, noun_of


def features_text(drafted: Drafted) -> str:
    """The whole of features.py."""
    key, columns = drafted.entity, (*drafted.roles.features, *drafted.roles.protected)
    noun = noun_of(key)
    rows = "\n".join(f'            "{name}": latest["{name}"],' for name in (key, *columns))
    return f'''"""What is known of each {noun}: the newest row up to the batch. Drafted from a table."""

from __future__ import annotations

import pandas as pd


def features(known: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """One row an entity: its key, the contract's features, the protected attributes.

    Args:
        known: the source's rows up to ``as_of``, sorted by entity and time.
        as_of: time of the batch.
    """
    latest = known.drop_duplicates("{key}", keep="last")
    return pd.DataFrame(
        {{
{rows}
        }}
    )
'''


def rules_text(drafted: Drafted, action: str) -> str:
    """The whole of rules.py: everybody gets ``action``."""
    return f'''"""The rules that decide until a model has shown that it earns more, and whenever it is switched off.

Drafted from a table: write here what decides today.
"""

from __future__ import annotations

import pandas as pd


def rules(features: pd.DataFrame) -> pd.Series:
    """The same for everybody; an action for every row, missing features included."""
    return pd.Series("{action}", index=features.index)


def reasons(features: pd.DataFrame) -> pd.Series:
    """Why, in words (optional)."""
    return pd.Series("the rule for everybody", index=features.index)
'''
