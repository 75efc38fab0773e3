"""One module for each API of a model: an answer as its events, and as its one object."""
