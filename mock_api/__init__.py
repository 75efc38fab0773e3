"""The misbehaving LLM API: an OpenAI-compatible server; each request chooses its faults.

It is upstream of the daemon under test and does not know the suite that judges the daemon.
docs/patterns.md describes what it sends, docs/control.md how the suite watches and steers it.
"""
