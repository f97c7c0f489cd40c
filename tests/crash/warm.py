"""What a process pays once, paid before any is forked: the forkserver, which can only import, imports this last.

It leaves no thread, socket or open database behind, which a forked process would share.
"""

from __future__ import annotations

import gc

from mlflow.utils import requirements_utils

from decisionloop.predict.scorer.engine import KERNEL_MODULES, load_kernels

for _name in KERNEL_MODULES:
    load_kernels(_name)
# Which package each module is of, which MLflow looks up for the requirements of the first model that it logs.
requirements_utils._init_modules_to_packages_map()
# What is loaded lives as long as its process, and need not be looked through for what does not.
gc.collect()
gc.freeze()
