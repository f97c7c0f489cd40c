"""A release that is scored beside the champion, audited batch by batch; what it may decide is for the gate to say."""
