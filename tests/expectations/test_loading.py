"""Great Expectations is loaded without what one expectation needs, and that expectation still has it."""

from __future__ import annotations

import json
import subprocess
import sys

# A process of its own: here other tests have loaded everything.
JUDGED = """
import json, sys
import pandas as pd
from expectations.engine import great_expectations, new_context

gx = great_expectations()
HEAVY = ("scipy.stats", "altair")
before = [name for name in HEAVY if name in sys.modules]
frame = pd.DataFrame({"trade": ["craft"] * 50 + ["farm"] * 50})
asset = new_context(None).data_sources.add_pandas("frames").add_dataframe_asset("one")
batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})
partitions = [{"values": ["craft", "farm"], "weights": weights} for weights in ([0.5, 0.5], [0.99, 0.01])]
kind = gx.expectations.ExpectColumnKLDivergenceToBeLessThan
told = [batch.validate(kind(column="trade", partition_object=one, threshold=0.1)) for one in partitions]
print(json.dumps([before, [one.success for one in told], "scipy.stats" in sys.modules]))
"""


def test_the_expectation_that_needs_more_loads_it_and_judges_right():
    told = subprocess.run([sys.executable, "-c", JUDGED], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    before, successes, is_loaded = json.loads(told.stdout.splitlines()[-1])
    assert before == []
    assert successes == [True, False]
    assert is_loaded
