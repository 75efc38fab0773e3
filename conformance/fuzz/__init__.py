"""Random but valid upstream streams, through several daemons at once.

Whatever the API's stream looks like (escapes, line endings, comments, field
orders, where it is cut and when it comes), it says one text, and every daemon
must relay that text: the model's expectation, and so each other's. A
disagreement is reduced to the smallest stream that shows it and written out
as a scenario file, which `conformance run --replay FILE` judges like any other
scenario.
"""
