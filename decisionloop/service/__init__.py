"""The service: what other systems ask for over HTTP. It receives, stores, tells, and lets the stream decide."""
