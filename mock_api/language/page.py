"""The page at `/`, for a person: what the mock is, its patterns, the last requests."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from mock_api.language.failures import FAILURES
from mock_api.language.named import Named
from mock_api.language.patterns import MODIFIERS, PATTERNS
from mock_api.language.script import Framing, Script
from mock_api.language.steps import Write

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
code, pre, select { font: 14px/1.5 ui-monospace, monospace; }
pre { padding: .75rem; overflow: auto; max-height: 18rem; background: #8881; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0;
  border-bottom: 1px solid #8884; }
td:first-child { white-space: nowrap; }
"""

_SCRIPT = """
const one = (id) => document.getElementById(id);
one("base").textContent = location.origin + "/v1";
const row = (entry) => {
  const line = document.createElement("tr");
  const cells = [entry.id, entry.path, entry.pattern ?? "", entry.status, entry.events_sent,
    entry.bytes_sent, entry.end, entry.protocol];
  for (const cell of cells) line.insertCell().textContent = cell;
  return line;
};
let after = 0;
const running = new Map();
async function look() {
  try {
    const answer = await fetch(`/_control/journal?brief=1&after=${after}`);
    const value = await answer.json();
    if (!answer.ok) throw new Error(value.error.message);
    for (const entry of value.entries) {
      const line = row(entry);
      if (running.has(entry.id)) running.get(entry.id).replaceWith(line);
      else one("requests").prepend(line);
      running.set(entry.id, line);
    }
    while (one("requests").rows.length > 50) one("requests").lastElementChild.remove();
    const ended = value.entries.findIndex((entry) => entry.end === "running");
    const seen = ended < 0 ? value.entries : value.entries.slice(0, ended);
    for (const entry of seen) { after = entry.id; running.delete(entry.id); }
    one("trouble").textContent = "";
  } catch (error) {
    one("trouble").textContent = String(error.message);
  }
  setTimeout(look, 1000);
}
look();
one("try").addEventListener("submit", async (event) => {
  event.preventDefault();
  const out = one("out");
  out.textContent = "";
  const body = { model: "mock", stream: true, messages: [{ role: "user", content: "Hello" }] };
  const headers = { "content-type": "application/json", "x-test-pattern": one("pattern").value };
  try {
    const answer = await fetch("/v1/chat/completions",
      { method: "POST", headers, body: JSON.stringify(body) });
    out.textContent = `${answer.status}\\n`;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      out.textContent += value;
    }
  } catch (error) {
    out.textContent += `\\n${error}`;
  }
});
"""


def _table(caption: str, lines: Iterable[Named]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(line.name) or '(none)'}</code></td>"
        f"<td>{escape(line.meaning.replace('`', ''))}</td></tr>"
        for line in lines
    )
    return f"<h2>{caption}</h2><table><tbody>{rows}</tbody></table>"


def _html() -> str:
    examples = (line.example for line in (*PATTERNS, *FAILURES, *MODIFIERS))
    options = "".join(f"<option>{escape(example)}</option>" for example in examples)
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>mock API</title><style>{_STYLE}</style>
<h1>The misbehaving LLM API</h1>
<p>Base URL for a client: <code id="base"></code>. Any API key works. The header
<code>X-Test-Pattern</code> chooses the answer; so does the model <code>test:PATTERN</code>, or
<code>[[test:PATTERN]]</code> in the prompt.</p>
<form id="try"><label>Pattern <input id="pattern" list="patterns" value="pace:20"></label>
<datalist id="patterns">{options}</datalist> <button>Send</button></form>
<pre id="out" aria-live="polite"></pre>
<h2>The last requests</h2><p id="trouble" role="status"></p>
<table><thead><tr><th>id<th>path<th>pattern<th>status<th>events<th>bytes<th>end<th>protocol</tr>
</thead><tbody id="requests"></tbody></table>
{_table("Patterns", PATTERNS)}{_table("Failures", FAILURES)}{_table("Modifiers", MODIFIERS)}
<script>{_SCRIPT}</script></html>
"""


PAGE = Script(
    headers=(
        ("content-type", "text/html; charset=utf-8"),
        (
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
            "connect-src 'self'",
        ),
    ),
    steps=(Write(_html().encode()),),
    framing=Framing.LENGTH,
)
"""The answer to `GET /`."""
