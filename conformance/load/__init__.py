"""Load: many clients of a chat backend at once, and how long each of them waits.

Nothing is judged here but whether a client was served; how long it took is
reported, and for the reader to judge.
"""
