"""The answers that a pattern can name: the ordinary ones, and the unusual ones of real APIs."""
