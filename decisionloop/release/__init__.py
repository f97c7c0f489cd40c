"""Which release may decide: the stages of releases, who may move one from where to where, and why it was done."""
