"""Pure in-memory structures: no I/O, no knowledge of stores or services. Each is a function of the log."""
