"""The language of patterns: what the mock API answers, as values, without I/O."""
