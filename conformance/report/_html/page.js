"use strict";
const RUN = JSON.parse(document.getElementById("run").textContent);
const VERDICTS = ["fail", "error", "surprise", "warn", "known", "pass", "skip"];
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

// Everything that a daemon wrote becomes a text node; nothing is parsed as HTML.
function make(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false && value !== undefined) node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(3)) if (child !== null && child !== undefined && child !== "") node.append(child);
  return node;
}
const h = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => make(document.createElementNS(SVG, tag), attributes, children);
const pill = (verdict) => h("span", { class: `pill ${verdict}` }, verdict);
const plural = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
const after = (t) => `${t < 0 ? "−" : "+"}${Math.abs(t).toFixed(3)} s`;

const CASES = RUN.results.map(([d, variant, n, verdict, duration, group, place, says], index) => {
  const daemon = RUN.daemons[d], about = RUN.scenarios[n];
  const id = `${daemon.name}/${variant}/${about.name}`;
  const reason = RUN.texts[says];
  return { index, daemon, variant, about, verdict, duration, group, place, id, says: reason,
    red: verdict === "fail" || verdict === "error" || verdict === "surprise" || (RUN.strict && verdict === "warn"),
    search: `${id} ${about.category} ${about.clauses.join(" ")} ${about.description} ${reason}`.toLowerCase() };
});
const BY_ID = new Map(CASES.map((one) => [one.id, one]));
const filter = { text: "", daemon: "", variant: "", category: "", clause: "", verdicts: new Set(), ids: null };
let shown = CASES;
let current = null;

// Evidence: one compressed block for each daemon, variant and category.
const blocks = new Map();
async function details(one) {
  if (!blocks.has(one.group)) {
    const packed = Uint8Array.from(atob($(`e${one.group}`).textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    blocks.set(one.group, new Response(stream).json());
  }
  return (await blocks.get(one.group))[one.place];
}

// The head

function head() {
  const total = RUN.results.length;
  const bar = h("i", {});
  for (const verdict of VERDICTS) {
    const n = RUN.counts[verdict] || 0;
    if (n) bar.append(h("b", { style: `width:${(100 * n) / total}%;background:var(--${verdict})`, title: `${n} ${verdict}` }));
  }
  const numbers = VERDICTS.filter((v) => RUN.counts[v]).map((v) => h("span", { class: v }, `${RUN.counts[v].toLocaleString("en")} ${v}`));
  const scale = RUN.calibration.scale;
  const facts = [
    `stream-conformance ${RUN.suite}`, RUN.started.replace("T", " "), `${RUN.duration.toFixed(1)} s`,
    plural(RUN.daemons.length, "daemon"), RUN.machine.system, RUN.machine.processors && plural(+RUN.machine.processors, "processor"),
    scale && `time bounds × ${scale.toFixed(2)}`,
    total < RUN.planned && `cut short: ${plural(RUN.planned - total, "scenario")} not judged`,
  ].filter(Boolean);
  $("top").append(
    h("span", { class: `state ${RUN.green ? "green" : "red"}` }, RUN.green ? "green" : "red"),
    h("h1", {}, RUN.title),
    h("div", { class: "bar" }, bar, h("div", { class: "numbers" }, numbers)),
    h("div", { class: "facts" }, facts.map((fact) => h("span", {}, fact))),
  );
  $("about").textContent = `Written by stream-conformance ${RUN.suite}. Evidence is inside; nothing is loaded from a network.`;
}

// The matrix

function matrix() {
  const profiles = new Map();
  for (const one of CASES) {
    const profile = one.about.profile;
    if (!profiles.has(profile)) profiles.set(profile, { rows: new Map(), categories: new Set() });
    const { rows, categories } = profiles.get(profile);
    const key = `${one.daemon.name}/${one.variant}`;
    if (!rows.has(key)) rows.set(key, { daemon: one.daemon, variant: one.variant, cells: new Map() });
    const cells = rows.get(key).cells;
    if (!cells.has(one.about.category)) cells.set(one.about.category, []);
    cells.get(one.about.category).push(one);
    categories.add(one.about.category);
  }
  for (const [profile, { rows, categories }] of profiles) {
    const order = [...categories];
    const list = [...rows.values()];
    const body = h("tbody", {});
    list.forEach((row, at) => {
      const first = !at || list[at - 1].daemon !== row.daemon;
      const last = at + 1 === list.length || list[at + 1].daemon !== row.daemon;
      body.append(h("tr", { class: `${first ? "first" : ""} ${last ? "last" : ""}` },
        h("th", { scope: "row", title: `${row.daemon.name}/${row.variant} ${row.daemon.version || ""}` }, first ? h("b", {}, row.daemon.name) : null, row.variant),
        order.map((category) => h("td", {}, cell(row, category)))));
    });
    $("matrix").append(
      h("h2", {}, `${profile} `, h("small", {}, "passed / judged scenarios; select a cell to filter")),
      h("div", { class: "scroll" }, h("table", { class: "matrix" },
        h("thead", {}, h("tr", {}, h("th", {}, h("span", {}, "daemon / variant")),
          order.map((category) => h("th", { scope: "col" }, h("span", {}, category))))), body)));
  }
}

function cell(row, category) {
  const cases = row.cells.get(category);
  if (!cases) return null;
  const judged = cases.filter((one) => one.verdict !== "skip");
  const passed = judged.filter((one) => one.verdict === "pass" || (one.verdict === "warn" && !one.red)).length;
  const look = !judged.length ? "skip" : judged.some((one) => one.red) ? "fail" : judged.some((one) => one.verdict !== "pass") ? "warn" : "pass";
  const text = judged.length ? `${passed}/${judged.length}` : "skip";
  const choose = () => select({ daemon: row.daemon.name, variant: row.variant, category });
  return h("button", { class: look, onclick: choose, "aria-label": `${row.daemon.name} ${row.variant} ${category}: ${text}` }, text);
}

function causes() {
  if (!RUN.causes.length) return;
  const most = 6;
  $("causes").append(h("h2", {}, "What is red ", h("small", {}, `${plural(RUN.causes.length, "cause")}, those that explain most first`)));
  const show = (list) => list.forEach((cause) => {
    const one = CASES[cause.shown];
    const all = () => select({ ids: new Set(cause.cases) });
    $("causes").append(h("div", { class: "cause" },
      pill(one.verdict), h("b", {}, cause.name),
      cause.cases.length > 1 ? h("button", { class: "tool", onclick: all }, `all ${cause.cases.length} cases`) : null,
      h("a", { href: link(one) }, one.id),
      cause.actual ? h("p", {}, cause.actual) : null));
  });
  show(RUN.causes.slice(0, most));
  const rest = RUN.causes.slice(most);
  if (rest.length) $("causes").append(h("button", { class: "tool", onclick: (event) => { event.target.remove(); show(rest); } }, `Show ${rest.length} more`));
}

// The list of cases

function controls() {
  const fill = (id, first, values) => make($(id), {}, [h("option", { value: "" }, first), values.map((v) => h("option", { value: v }, v))]);
  fill("daemon", "All daemons", RUN.daemons.map((daemon) => daemon.name));
  fill("category", "All categories", [...new Set(RUN.scenarios.map((about) => about.category))].sort());
  const numbered = (a, b) => a.localeCompare(b, "en", { numeric: true });
  fill("clause", "All clauses", [...new Set(RUN.scenarios.flatMap((about) => about.clauses))].sort(numbered));
  for (const verdict of VERDICTS.filter((v) => RUN.counts[v])) {
    const toggle = (event) => {
      filter.verdicts.has(verdict) ? filter.verdicts.delete(verdict) : filter.verdicts.add(verdict);
      apply();
      event.preventDefault();
    };
    $("verdicts").append(h("button", { type: "button", class: verdict, "data-verdict": verdict, "aria-pressed": "false", onclick: toggle }, h("span", {}, verdict)));
  }
  for (const name of ["daemon", "category", "clause"]) $(name).addEventListener("change", () => { filter[name] = $(name).value; filter.variant = ""; apply(); });
  $("text").addEventListener("input", () => { filter.text = $("text").value; apply(); });
  $("filter").addEventListener("submit", (event) => event.preventDefault());
  $("filter").addEventListener("reset", () => setTimeout(() => select({}, false)));
}

function select(wanted, jump = true) {
  Object.assign(filter, { text: "", daemon: "", variant: "", category: "", clause: "", verdicts: new Set(), ids: null }, wanted);
  for (const name of ["text", "daemon", "category", "clause"]) $(name).value = filter[name];
  apply();
  if (jump) $("filter").scrollIntoView({ block: "start" });
}

function apply() {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  shown = CASES.filter((one) =>
    (!filter.ids || filter.ids.has(one.index)) && (!filter.verdicts.size || filter.verdicts.has(one.verdict)) &&
    (!filter.daemon || one.daemon.name === filter.daemon) && (!filter.variant || one.variant === filter.variant) &&
    (!filter.category || one.about.category === filter.category) && (!filter.clause || one.about.clauses.includes(filter.clause)) &&
    words.every((word) => one.search.includes(word)));
  for (const button of $("verdicts").children) button.setAttribute("aria-pressed", filter.verdicts.has(button.dataset.verdict));
  const of = filter.variant ? ` of variant ${filter.variant}` : filter.ids ? " of one cause" : "";
  $("count").textContent = `${plural(shown.length, "case")}${of}${shown.length < CASES.length ? ` of ${CASES.length.toLocaleString("en")}` : ""}`;
  $("list").replaceChildren();
  more();
}

function more() {
  const start = $("list").children.length;
  for (const one of shown.slice(start, start + 120)) {
    $("list").append(h("li", {}, h("a", { href: link(one) }, pill(one.verdict),
      h("span", { class: "name" }, h("i", {}, `${one.daemon.name}/${one.variant}/`), one.about.name),
      h("span", { class: "says" }, one.says || one.about.description.split("\n")[0]),
      h("span", { class: "time" }, one.verdict === "skip" ? "" : `${one.duration.toFixed(2)} s`))));
  }
}
const link = (one) => `#/${encodeURI(one.id)}`;

// The page of one case

async function open(one) {
  current = one;
  const detail = await details(one);
  if (current !== one) return;
  const { about } = one;
  const sentences = RUN.clauses[about.profile] || {};
  const at = shown.indexOf(one);
  const neighbour = (step, text) => shown[at + step] && at >= 0 ? h("a", { href: link(shown[at + step]) }, text) : null;
  const view = h("div", {},
    h("nav", { class: "path" }, h("a", { href: "#" }, "← all cases"), h("span", { class: "grow" }), neighbour(-1, "previous"), neighbour(1, "next")),
    h("h1", {}, about.name, pill(one.verdict)),
    h("div", { class: "where" }, `${one.daemon.name} / ${one.variant} · ${about.profile} · ${about.category} · ${one.duration.toFixed(3)} s`,
      one.daemon.version ? ` · daemon at ${one.daemon.version}` : ""),
    h("p", { class: "what" }, about.description),
    detail.reason ? h("p", { class: "reason" }, detail.reason) : null,
    checks(detail.failures, sentences),
    detail.repeat ? [h("h2", {}, "Repeat it"), command(detail.repeat)] : null,
    h("h2", {}, "What must hold"),
    h("dl", { class: "clauses" }, about.clauses.map((id) => {
      const [level, sentence] = sentences[id] || ["", ""];
      return [h("dt", {}, `${id} `, h("small", {}, level)), h("dd", {}, sentence)];
    })),
    about.basis ? h("p", { class: "note" }, "Based on ", linked(about.basis)) : null,
    about.source ? h("p", { class: "note" }, "Declared in ", h("code", {}, about.source)) : null,
    detail.record.held.length ? [h("h2", {}, "Checks that held"), h("div", { class: "held" }, detail.record.held.map((name) => h("code", {}, name)))] : null,
    exchange(detail.record),
    detail.evidence ? h("details", {}, h("summary", {}, "Evidence as text"), h("pre", { class: "log" }, detail.evidence)) : null,
  );
  $("case").replaceChildren(view);
  $("overview").hidden = true;
  $("case").hidden = false;
  document.title = `${one.verdict}: ${one.id}`;
  scrollTo(0, 0);
  $("case").focus({ preventScroll: true });
}

function checks(failures, sentences) {
  const alike = new Map();
  for (const failed of failures) {
    const key = JSON.stringify([failed.check, failed.clause, failed.expected, failed.actual]);
    if (!alike.has(key)) alike.set(key, []);
    alike.get(key).push(failed);
  }
  return [...alike.values()].map(([first, ...others]) => check(first, sentences, others.length + 1));
}

function check(failed, sentences, times) {
  const [, sentence] = sentences[failed.clause] || ["", ""];
  return h("div", { class: `check ${failed.level === "MUST" ? "" : "warned"}` },
    h("h3", {}, failed.check, h("small", {}, `${failed.clause} ${failed.level}${times > 1 ? `, ${times} times` : ""}`)),
    sentence ? h("p", { class: "note" }, sentence) : null,
    h("div", {}, h("span", {}, "expected"), h("code", { class: "e" }, failed.expected), h("span", {}, "actual"), h("code", { class: "a" }, failed.actual || "(nothing)"),
      failed.where ? [h("span", {}, "where"), h("code", {}, failed.where)] : null));
}

function command(text) {
  const button = h("button", { class: "tool", id: "copy", onclick: async () => {
    try { await navigator.clipboard.writeText(text); } catch {
      const area = h("textarea", {}, text);
      document.body.append(area); area.select(); document.execCommand("copy"); area.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  } }, "Copy");
  return h("div", { class: "command" }, h("pre", {}, h("code", {}, text)), button);
}

function linked(text) {
  return text.split(/(https?:\/\/[^\s,;)]+)/).map((part, at) => (at % 2 ? h("a", { href: part, rel: "noreferrer" }, part) : part));
}

// The picture of an exchange

function exchange(record) {
  if (!record.exchanges.length && !record.requests.length) return record.log ? log(record) : null;
  const rows = [];
  record.requests.forEach((request) => {
    const on = request.exchange === null ? null : request.exchange;
    rows.push({ at: request.at, who: "api", what: `received ${request.method} ${request.path}`, data: request.body, on, head: true });
    request.events.forEach((event) => rows.push({ at: event.at, who: "api", what: "sent", data: event.data, on }));
    if (request.ended !== null) rows.push({ at: request.ended, who: "api", what: API_END[request.ending], on, end: true });
  });
  record.exchanges.forEach((one, on) => {
    one.parts.forEach((part) => rows.push({ at: part.at, who: "client", what: part.sent ? `sent ${part.what}` : part.what === "read" ? "received" : `received ${part.what}`, data: part.data, on, sent: part.sent }));
    one.marks.forEach((mark) => rows.push({ at: mark.at, who: "mark", what: mark.what, on }));
    rows.push({ at: one.ended, who: "client", what: CLIENT_END[one.ending] || one.ending || "end", on, end: true });
  });
  rows.sort((a, b) => a.at - b.at);
  const octets = h("div", { class: "octets", "aria-live": "polite" }, h("p", { class: "hint" }, "Point at a mark, or tap it, to see its octets."));
  const wire = h("tbody", {});
  const shownOctets = (row) => {
    octets.replaceChildren(...octetsOf(row));
    for (const other of rows) for (const node of [other.row, other.dot]) if (node) node.classList.toggle("on", other === row);
  };
  const several = record.exchanges.length > 1;
  rows.forEach((row, number) => {
    row.row = h("tr", { onclick: () => shownOctets(row) },
      h("td", { class: "t" }, after(row.at)), h("td", { class: `who ${row.who}` }, row.who === "mark" ? "client" : row.who === "api" ? "API" : "client", several && row.on !== null ? ` ${row.on + 1}` : ""),
      h("td", {}, row.what), h("td", {}, row.data ? h("code", {}, literal(row.data, 160)) : ""));
    if (number < 400) wire.append(row.row);
  });
  const holder = h("div", { class: "picture" });
  const draw = (linear) => holder.replaceChildren(picture(record, rows, linear, shownOctets));
  draw(false);
  let linear = false;
  const toggle = h("button", { class: "tool", onclick: () => { linear = !linear; draw(linear); toggle.textContent = linear ? "Stretch what is dense" : "True to time"; } }, "True to time");
  const missing = Object.entries(record.left_out).map(([what, n]) => `${n} ${what}`)
    .concat(record.exchanges.flatMap((one, on) => Object.entries(one.left_out).map(([what, n]) => `${n} ${what} of exchange ${on + 1}`)),
      record.requests.flatMap((one) => Object.entries(one.left_out).map(([what, n]) => `${n} ${what} that the API sent`)));
  const violations = record.exchanges.flatMap((one) => one.violations.map((each) => h("p", { class: "reason" }, `byte ${each.offset}: ${each.rule}; found ${each.found}`)));
  return [
    h("h2", {}, "The exchange ", h("small", {}, "what the API sent above, what the client received below")),
    holder, h("p", { class: "note" }, toggle, " Times are seconds after the scenario's start. ", missing.length ? `Left out, because a record has a bounded size: ${missing.join(", ")}.` : ""),
    octets, violations,
    h("details", { open: rows.length < 60 }, h("summary", {}, `Wire log, ${plural(rows.length, "line")}`), h("table", { class: "wire" }, wire)),
    log(record),
  ];
}
const API_END = { finished: "finished the answer", client_gone: "lost the daemon: it closed or reset", running: "still runs" };
const CLIENT_END = { eof: "end of file", message: "end of the message", reset: "the daemon reset the connection", left: "the client left", deadline: "still open at the deadline" };

function log(record) {
  return record.log ? h("details", {}, h("summary", {}, "The daemon's log meanwhile"), h("pre", { class: "log" }, record.log)) : null;
}

function picture(record, rows, linear, choose) {
  const W = 1160, LEFT = 118, RIGHT = 30, width = W - LEFT - RIGHT;
  const times = [...new Set(rows.map((row) => row.at))].sort((a, b) => a - b);
  const scale = linear ? straight(times, width) : stretched(times, width);
  const x = (t) => LEFT + scale(t);
  const svg = s("svg", { role: "img", "aria-label": "Time line of the exchange" });
  svg.append(s("defs", {}, s("pattern", { id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    s("line", { x1: 0, y1: 0, x2: 0, y2: 7, stroke: "var(--line)", "stroke-width": 3 }))));
  const lanes = [];
  const free = record.requests.filter((request) => request.exchange === null);
  if (free.length || (record.requests.length && !record.exchanges.length)) lanes.push({ on: null, requests: free, one: null });
  record.exchanges.forEach((one, on) => lanes.push({ on, one, requests: record.requests.filter((request) => request.exchange === on) }));
  const LANE = 26, GAP = 30, TOP = 34;
  let y = TOP;
  const back = s("g", {}), front = s("g", {}), labels = s("g", {});
  for (const lane of lanes) {
    const top = y;
    const paired = lane.on !== null && record.requests.some((request) => request.exchange !== null);
    const apiY = lane.requests.length || paired ? (y += LANE) - LANE / 2 : null;
    if (apiY !== null && lane.one) y += GAP;
    const clientY = lane.one ? (y += LANE) - LANE / 2 : null;
    y += 20;
    const number = record.exchanges.length > 1 && lane.on !== null ? ` ${lane.on + 1}` : "";
    if (apiY !== null) {
      labels.append(s("text", { class: "lane api", x: 14, y: apiY + 4 }, `API${number}`));
      if (!lane.requests.length) labels.append(s("text", { x: LEFT, y: apiY + 4 }, "received no request"));
      for (const request of lane.requests) {
        const end = request.ended === null ? times[times.length - 1] : request.ended;
        back.append(s("rect", { class: "band-api", x: x(request.at) - 8, y: apiY - 11, width: Math.max(16, x(end) - x(request.at) + 16), height: 22, rx: 11 }));
      }
    }
    if (clientY !== null) {
      labels.append(s("text", { class: "lane client", x: 14, y: clientY + 4 }, lane.one.opening === "users" ? "users" : `client${number}`));
      back.append(s("rect", { class: "band-client", x: x(lane.one.began) - 8, y: clientY - 11, width: Math.max(16, x(lane.one.ended) - x(lane.one.began) + 16), height: 22, rx: 11 }));
      const sent = lane.requests.flatMap((request) => request.events);
      lane.one.events.slice(0, sent.length).forEach((event, at) => {
        if (apiY !== null) back.append(s("line", { class: "flow", x1: x(sent[at].at), y1: apiY, x2: x(event.at), y2: clientY }));
      });
      const worded = new Set();
      for (const event of lane.one.events) {
        if ((event.kind === "done" || event.kind === "error") && !worded.has(event.kind)) {
          worded.add(event.kind);
          labels.append(s("text", { x: x(event.at), y: clientY + 24, "text-anchor": "middle" }, event.kind === "done" ? "[DONE]" : "error"));
        }
      }
    }
    const crowd = new Map();
    for (const row of rows.filter((each) => each.on === lane.on)) {
      const laneY = row.who === "api" ? apiY : clientY;
      if (laneY === null) continue;
      const spot = `${row.who} ${Math.round(x(row.at) / 5)}`;
      const aside = row.end ? 0 : Math.min(crowd.get(spot) || 0, 8) * 5;
      crowd.set(spot, (crowd.get(spot) || 0) + 1);
      row.dot = s("g", { class: "" }, shape(row, x(row.at) + aside, laneY, top, y - 20), s("title", {}, `${after(row.at)}  ${row.what}${row.data ? `  ${literal(row.data, 90)}` : ""}`),
        s("circle", { class: "hit", cx: x(row.at) + aside, cy: row.who === "mark" ? top - 2 : laneY, r: 9, tabindex: 0, onclick: () => choose(row), onmouseenter: () => choose(row), onfocus: () => choose(row) }));
      front.append(row.dot);
    }
  }
  const bottom = y;
  const whole = [record, ...record.exchanges, ...record.requests].every((part) => !Object.keys(part.left_out).some((what) => what !== "log"));
  for (let at = 1; at < times.length; at += 1) {
    const gap = times[at] - times[at - 1];
    const from = x(times[at - 1]), to = x(times[at]);
    if (gap >= 0.2 && to - from > 26) {
      back.prepend(s("rect", { class: "silence", x: from + 9, y: TOP - 8, width: to - from - 18, height: bottom - TOP - 6 }));
      if (to - from > 60) labels.append(s("text", { x: (from + to) / 2, y: bottom - 4, "text-anchor": "middle" }, `${gap.toFixed(2)} s ${whole ? "of silence" : "without a kept event"}`));
    }
  }
  let taken = -Infinity;
  for (const t of linear ? ticks(times) : times) {
    if (x(t) - taken < 84) continue;
    taken = x(t);
    back.prepend(s("line", { class: "grid", x1: taken, x2: taken, y1: TOP - 10, y2: bottom - 16 }));
    labels.append(s("text", { x: taken, y: 14, "text-anchor": "middle" }, after(t)));
  }
  svg.append(back, labels, front);
  svg.setAttribute("viewBox", `0 0 ${W} ${bottom + 6}`);
  return svg;
}

function shape(row, x, y, top, bottom) {
  if (row.who === "mark") return [s("line", { class: "mark-line", x1: x, x2: x, y1: top - 2, y2: bottom }), s("path", { class: "mark dot", d: `M${x} ${top - 8}l6 6-6 6-6-6z` })];
  const look = `${row.who} dot`;
  if (row.end) {
    const bad = /reset|lost|deadline/.test(row.what);
    return bad ? s("path", { class: "bad-line dot", d: `M${x - 5} ${y - 5}l10 10m0-10l-10 10` }) : s("rect", { class: look, x: x - 4, y: y - 9, width: 5, height: 18, rx: 1.5 });
  }
  if (row.sent || row.head) return s("path", { class: look, d: row.sent ? `M${x - 6} ${y + 5}l6-11 6 11z` : `M${x - 6} ${y + 5}l6-11 6 11z`, opacity: 0.75 });
  return s("circle", { class: look, cx: x, cy: y, r: 4.5 });
}

// A gap of a millisecond and one of a second are both visible: its logarithm is its width.
function stretched(times, width) {
  const weights = times.map((t, at) => (at ? Math.log1p((t - times[at - 1]) / 0.0004) : 0));
  const total = weights.reduce((a, b) => a + b, 0) || 1;
  const places = new Map();
  let sum = 0;
  times.forEach((t, at) => { sum += weights[at]; places.set(t, (sum / total) * width); });
  return (t) => (places.has(t) ? places.get(t) : straight(times, width)(t));
}
function straight(times, width) {
  const first = times[0] || 0, span = (times[times.length - 1] || 0) - first || 1;
  return (t) => ((t - first) / span) * width;
}
function ticks(times) {
  const first = times[0] || 0, span = (times[times.length - 1] || 0) - first || 1;
  return Array.from({ length: 11 }, (_, at) => first + (span * at) / 10);
}

// Octets

function bytesOf(data) {
  return data.text !== undefined ? new TextEncoder().encode(data.text) : Uint8Array.from(atob(data.base64), (c) => c.charCodeAt(0));
}
function literal(data, most) {
  const text = data.text !== undefined ? data.text : Array.from(bytesOf(data), (b) => (b > 31 && b < 127 ? String.fromCharCode(b) : `\\x${b.toString(16).padStart(2, "0")}`)).join("");
  const escaped = text.slice(0, most).replace(/\r/g, "\\r").replace(/\n/g, "\\n").replace(/\t/g, "\\t")
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return escaped + (text.length > most || data.size ? " …" : "");
}
function octetsOf(row) {
  const title = h("h4", {}, `${after(row.at)}  ${row.who === "api" ? "API" : "client"} ${row.what}`);
  if (!row.data) return [title];
  const bytes = bytesOf(row.data);
  const size = row.data.size || bytes.length;
  title.append(`, ${plural(size, row.data.size && row.data.text !== undefined ? "character" : "byte")}${row.data.size ? `, of which ${bytes.length} are kept` : ""}`);
  const lines = [];
  for (let start = 0; start < Math.min(bytes.length, 1024); start += 16) {
    const part = bytes.slice(start, start + 16);
    const hex = Array.from(part, (b) => b.toString(16).padStart(2, "0")).join(" ");
    const text = Array.from(part, (b) => (b > 31 && b < 127 ? String.fromCharCode(b) : "·")).join("");
    lines.push(`${start.toString(16).padStart(4, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  if (bytes.length > 1024) lines.push(`…     ${bytes.length - 1024} more`);
  return [title, h("pre", { class: "hex" }, lines.join("\n"))];
}

// Going around

let place = 0;
async function route() {
  const one = BY_ID.get(decodeURI(location.hash.slice(2)));
  if (one) {
    if (!$("overview").hidden) place = scrollY;
    await open(one);
    return;
  }
  const last = current;
  current = null;
  $("case").hidden = true;
  $("overview").hidden = false;
  document.title = RUN.title;
  if (last) {
    scrollTo(0, place);
    const entry = [...$("list").querySelectorAll("a")].find((a) => a.getAttribute("href") === link(last));
    if (entry) entry.focus({ preventScroll: true });
  }
}

function key(event) {
  const typing = /INPUT|SELECT|TEXTAREA/.test(event.target.tagName);
  if (event.key === "Escape") {
    if (typing) event.target.blur();
    else if (current) location.hash = "";
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = event.key === "j" ? 1 : event.key === "k" ? -1 : 0;
  if (event.key === "/") { location.hash = ""; setTimeout(() => { $("filter").scrollIntoView(); $("text").focus(); $("text").select(); }); event.preventDefault(); }
  else if (event.key === "c" && current && $("copy")) $("copy").click();
  else if (step && current) {
    const next = shown[shown.indexOf(current) + step];
    if (next) location.hash = link(next).slice(1);
  } else if (step) {
    const links = [...$("list").querySelectorAll("a")];
    const next = links[links.indexOf(document.activeElement) + step] || links[0];
    if (next) next.focus();
  }
}

head();
matrix();
causes();
controls();
apply();
new IntersectionObserver((entries) => { if (entries[0].isIntersecting) more(); }, { rootMargin: "600px" }).observe(document.querySelector("footer"));
addEventListener("hashchange", route);
addEventListener("keydown", key);
route();
