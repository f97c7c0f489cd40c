"""Watch: inputs, outputs, cohorts, labels and skew are judged, and alarms are raised."""
