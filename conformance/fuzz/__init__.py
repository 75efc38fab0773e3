"""Random but valid upstream streams, through several daemons at once.

The API's stream may vary in escapes, line endings, comments, field orders, cuts and
delays. Its text does not change, and every daemon must relay that text. A stream that a
daemon does not relay is reduced to the smallest one, and written as a scenario file.
`conformance run --replay FILE` judges it like any other scenario.
"""
