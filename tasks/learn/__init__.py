"""Learn: training sets, candidates, looks of the gate, stages of releases."""
