"""The misbehaving LLM API: an OpenAI-compatible server whose faults are chosen by the request.

It stands upstream of the daemon under test and knows nothing of the suite
that judges it. docs/patterns.md says what it sends, docs/control.md how it is
watched and steered.
"""
