"""What the story reads: from rows of the ledger to the lines of the page."""
