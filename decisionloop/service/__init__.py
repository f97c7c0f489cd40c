"""The service: what other systems ask for over HTTP. It receives, stores and tells; it decides and computes nothing."""
