"""The steps that people ask for of releases: going back, and letting MLflow follow."""
