"""A drill of kill switch and rollback: a made-up use case in a throw-away installation, and what its times mean."""
