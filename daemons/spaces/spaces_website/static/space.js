// The script of a space's page. It submits the form and asks each second for the status of
// the user's requests and of the space. When the space's status has changed, it loads the
// page again and replaces the status panel. It inserts foreign content as text, not as markup.

const EVERY = 1000; // milliseconds between two requests
const MOST_POLLS = 120; // for one request: two minutes
const FINAL = new Set(["completed", "failed"]);

const page = document.getElementById("space");
const words = await (await fetch("/words")).json();
const form = document.getElementById("request");
const results = document.getElementById("results");
const byId = (id) => document.getElementById(id);
const show = (element, shown) => element && (element.hidden = !shown);
function element(tag, text, attributes = {}) {
  const created = document.createElement(tag);
  if (text !== undefined) created.textContent = text;
  for (const [name, value] of Object.entries(attributes)) created.setAttribute(name, value);
  return created;
}

// The address if a browser may load it: an address of a script is not.
function address(value) {
  if (typeof value !== "string") return null;
  try {
    const url = new URL(value, location.href);
    return /^https?:$/.test(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function answer(result) {
  const parts = [];
  const rest = { ...result };
  const take = (...names) => {
    const name = names.find((key) => typeof rest[key] === "string" && rest[key]);
    const value = name && rest[name];
    if (name) delete rest[name];
    return value;
  };
  const text = take("text", "text_output", "output", "generated_text");
  if (text) parts.push(element("p", text, { class: "text" }));
  const sound = address(take("audio", "audio_url"));
  if (sound) parts.push(element("audio", undefined, { controls: "", src: sound }));
  const picture = address(take("image", "image_url"));
  if (picture) parts.push(element("img", undefined, { src: picture, alt: "" }));
  if (Object.keys(rest).length) {
    const json = element("pre", JSON.stringify(rest, null, 2));
    if (parts.length) {
      const details = element("details");
      details.append(element("summary", words.details), json);
      parts.push(details);
    } else {
      parts.push(json);
    }
  }
  return parts;
}

function render(card, status, result) {
  card.dataset.state = status;
  card.querySelector(".state").textContent = words[`state_${status}`] ?? status;
  if (FINAL.has(status)) card.querySelector(".place").textContent = "";
  if (status === "failed") {
    const reason = result && typeof result.error === "string" && result.error;
    card.querySelector(".answer").replaceChildren(
      element("p", reason || words.failed, { class: "problem" }));
  } else if (result) {
    card.querySelector(".answer").replaceChildren(...answer(result));
  }
}

async function follow(card) {
  for (let poll = 0; poll < MOST_POLLS; poll += 1) {
    try {
      const reply = await fetch(`/websockets/status?request_id=${card.dataset.request}`);
      const body = await reply.json();
      if (reply.ok) {
        const time = new Date(`${body.created_at}Z`);
        card.querySelector("time").textContent = time.toLocaleTimeString();
        render(card, body.status, body.result);
        if (FINAL.has(body.status)) return;
      }
    } catch {
      // The website is not reachable for a moment. Requests survive that.
    }
    await new Promise((done) => setTimeout(done, EVERY));
  }
  render(card, "failed", { error: words.timed_out });
}

async function submit(event) {
  event.preventDefault();
  const button = form.querySelector("button");
  const problem = byId("problem");
  show(problem, false);
  const label = button.textContent;
  button.disabled = true;
  button.textContent = words.sending;
  try {
    const given = new FormData(form);
    const reply = await fetch(form.action, { method: "POST", body: given });
    const body = await reply.json().catch(() => ({}));
    if (reply.ok && body.success) {
      const card = byId("result").content.firstElementChild.cloneNode(true);
      card.dataset.request = body.request_id;
      card.querySelector(".asked").textContent = given.get("prompt") ?? "";
      render(card, "queued", null);
      results.prepend(card);
      show(byId("none"), false);
      form.reset();
      renew("#left");
      follow(card);
    } else {
      problem.textContent = body.error ?? `${reply.status} ${reply.statusText}`;
      show(problem, true);
    }
  } catch {
    problem.textContent = words.no_answer;
    show(problem, true);
  } finally {
    button.disabled = false;
    button.textContent = label;
  }
}

// Replaces these parts by those of the page as the website renders it now.
async function renew(...parts) {
  const html = await (await fetch(location.href)).text();
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of parts) {
    document.querySelector(part)?.replaceWith(fresh.querySelector(part) ?? "");
  }
}

async function refresh(state) {
  await renew("aside", "#send", "#left");
  if (form) form.querySelector("fieldset").disabled = !state.connected;
  for (const card of results?.children ?? []) {
    const place = state.queue.find((entry) => card.dataset.request.startsWith(entry.id));
    const waiting = place && !FINAL.has(card.dataset.state);
    card.querySelector(".place").textContent =
      waiting ? words.your_place.replace("{position}", place.position) : "";
  }
}

async function watch() {
  for (let seen = ""; ; ) {
    try {
      const reply = await fetch(`/ai_project/${page.dataset.id}/live`);
      const state = await reply.text();
      if (reply.ok && state !== seen) {
        await refresh(JSON.parse(state));
        seen = state;
      }
    } catch {
      // The website is not reachable for a moment.
    }
    await new Promise((done) => setTimeout(done, EVERY));
  }
}

form?.addEventListener("submit", submit);
for (const card of results?.children ?? []) follow(card);
if (page.dataset.live === "yes") watch();
