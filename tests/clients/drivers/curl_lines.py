"""curl: the body, and the exit status that says whether it was whole."""

import json
import subprocess
from typing import Any

from protocol import STATUSES, Seen, request, serve


def ask(case: dict[str, Any], seen: Seen) -> None:
    """Ask as a script does."""
    url = f"{case['url']}/chat/completions"
    command = ["curl", "--silent", "--no-buffer", "--compressed", "--write-out", "\n%{http_code}"]
    command += ["--header", "content-type: application/json", "--data", json.dumps(request(case))]
    done = subprocess.run([*command, url], capture_output=True, check=False)
    body, _, status = done.stdout.decode("utf-8-sig").rpartition("\n")
    seen.error = STATUSES.get(int(status)) or ("cut off" if done.returncode else None)
    if seen.error in STATUSES.values():
        return
    if not case["stream"]:
        seen.chunk(json.loads(body))
        return
    for line in body.splitlines():
        if line.startswith("data:"):
            try:
                seen.data([line.removeprefix("data:").strip()])
            except ValueError:
                seen.error = seen.error or "malformed"


serve(ask)
