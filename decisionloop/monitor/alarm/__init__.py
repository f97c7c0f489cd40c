"""What makes a finding an alarm: limits, the budget of false alarms, severity, incidents, and whom to wake."""
