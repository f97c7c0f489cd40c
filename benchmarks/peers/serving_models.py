"""Keeps a trained pipeline as the servers beside ours take it: run by the Python of their own environment.

``python -m benchmarks.peers.serving_models PIPELINE.joblib FOLDER`` writes MLflow's model to a new ``FOLDER``. Nothing
of decisionloop is imported here.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    import joblib
    import mlflow.sklearn

    # The pipeline was trained beside: that it is a pickle is no news to anybody here.
    mlflow.sklearn.save_model(joblib.load(sys.argv[1]), sys.argv[2], serialization_format="cloudpickle")
