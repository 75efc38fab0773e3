"""The profile `spaces`: websites whose spaces are served by remote apps."""
