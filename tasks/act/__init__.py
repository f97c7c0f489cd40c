"""Act: choose an action for everyone in a batch, log it, let it out."""
