// Who is here, as it happens: one stream of events for a space, and what follows from it.
"use strict";

// How many users the list shows, how many events, and how long the graph looks back.
const USERS_SHOWN = 200, EVENTS_SHOWN = 100, BARS = 60, BAR_MS = 5000, RETRY_MS = 2000;

const at = (id) => document.getElementById(id);
const users = new Map();
let chosen = null, watching = null, position = null, bars = [], due = false, counted = null;

function make(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function say(text) { at("state").textContent = text; }

// Reads a stream of events, as an event source does; that can't send a token.
async function follow(space, token, signal) {
  const headers = token ? { authorization: "Bearer " + token } : {};
  if (position !== null) headers["last-event-id"] = position;
  const path = "/api/v2/spaces/" + encodeURIComponent(space) + "/watch";
  const answer = await fetch(path, { headers, signal, cache: "no-store" });
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    const error = new Error(told.error || "the node answers " + answer.status);
    error.refused = answer.status < 500 && answer.status !== 429;
    throw error;
  }
  say("Watching " + space);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", event = { id: null, data: "" };
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (event.data) take(JSON.parse(event.data), event.id);
        event = { id: null, data: "" };
      } else if (line.startsWith("data: ")) event.data += line.slice(6);
      else if (line.startsWith("id: ")) event.id = line.slice(4);
    }
  }
}

async function watch() {
  if (watching) watching.abort();
  const own = watching = new AbortController();
  const space = at("space").value, token = at("token").value.trim();
  users.clear();
  chosen = position = counted = null;
  bars = [];
  at("events").replaceChildren();
  draw();
  spaces(token);
  while (watching === own) {
    try {
      await follow(space, token, own.signal);
      say("The node ended; asking again");
    } catch (error) {
      if (own.signal.aborted) return;
      say(error.message);
      if (error.refused) return;
    }
    await new Promise((done) => setTimeout(done, RETRY_MS));
  }
}

async function spaces(token) {
  const headers = token ? { authorization: "Bearer " + token } : {};
  const told = await fetch("/api/v2/spaces", { headers }).then((answer) => answer.json()).catch(() => null);
  const names = told && told.success ? told.data.spaces.slice(0, 200).map((it) => it.space) : [];
  const options = names.map((name) => {
    const option = make("option");
    option.value = name;
    return option;
  });
  at("spaces").replaceChildren(...options);
}

function take(event, id) {
  if (id !== null) position = id;
  if (event.type === "snapshot") {
    users.clear();
    counted = null;
    event.users.filter(is_there).forEach((user) => users.set(user.user_id, user));
  } else if (event.type === "counts") {
    counted = event.counts;
  } else if (event.type === "view") {
    say(event.stale ? "Other nodes can't be heard since " + (event.as_of || "the start") : "All nodes are heard");
  } else if (event.user) {
    const user = event.user;
    if (is_there(user)) users.set(user.user_id, user); else users.delete(user.user_id);
    if (event.type === "joined" || event.type === "left") bar()[event.type] += 1;
    log(event);
  }
  if (!due) { due = true; requestAnimationFrame(() => { due = false; draw(); }); }
}

function is_there(user) { return user.status !== "offline"; }

function log(event) {
  const entry = make("li"), time = make("time", new Date().toLocaleTimeString());
  const message = event.user.message ? " (" + event.user.message + ")" : "";
  entry.append(time, make("span", event.user.user_id + " " + event.type + ": " + event.user.status + message));
  at("events").prepend(entry);
  while (at("events").children.length > EVENTS_SHOWN) at("events").lastChild.remove();
}

// The bar of now.
function bar() {
  const slot = Math.floor(Date.now() / BAR_MS);
  if (!bars.length || bars[bars.length - 1].slot !== slot) bars.push({ slot, joined: 0, left: 0 });
  bars = bars.filter((it) => it.slot > slot - BARS);
  return bars[bars.length - 1];
}

function draw() {
  const of = { busy: 0, online: 0, away: 0, unknown: 0, sessions: 0 };
  for (const user of users.values()) {
    of[user.status] += 1;
    of.sessions += user.sessions.length;
  }
  const counts = counted || { users: users.size, ...of };
  for (const name of ["users", "busy", "online", "away", "unknown", "sessions"]) {
    at("count-" + name).textContent = counts[name];
  }
  list();
  sessions();
  graph();
}

// Buttons stay where they are when they can, so that the keyboard does not lose its place.
function list() {
  const find = at("find").value.toLowerCase();
  const found = [...users.values()].filter((user) => user.user_id.toLowerCase().includes(find));
  found.sort((a, b) => (a.user_id < b.user_id ? -1 : 1));
  const shown = found.slice(0, USERS_SHOWN), list = at("users"), known = new Map();
  for (const entry of list.children) known.set(entry.dataset.user, entry);
  const names = new Set(shown.map((user) => user.user_id));
  for (const [name, entry] of known) if (!names.has(name)) entry.remove();
  shown.forEach((user, index) => {
    const entry = known.get(user.user_id) || row(user.user_id);
    entry.className = user.status;
    const [status, , what] = entry.firstChild.children;
    status.textContent = user.status;
    what.textContent = user.message || "";
    entry.firstChild.setAttribute("aria-pressed", String(user.user_id === chosen));
    if (list.children[index] !== entry) list.insertBefore(entry, list.children[index] || null);
  });
  const more = found.length - shown.length;
  at("users-more").textContent = more > 0 ? "and " + more + " more" : found.length ? "" : "Nobody is here.";
}

function row(name) {
  const entry = make("li"), button = make("button");
  entry.dataset.user = name;
  button.type = "button";
  button.append(make("span", "", "status"), make("span", name, "name"), make("span", "", "what"));
  button.addEventListener("click", () => { chosen = name; draw(); });
  entry.append(button);
  return entry;
}

function sessions() {
  const user = chosen === null ? null : users.get(chosen);
  at("sessions").hidden = !user;
  const nobody = chosen === null ? "Choose a user to see the sessions." : chosen + " is offline.";
  at("sessions-of").textContent = user ? "Of " + chosen : nobody;
  const rows = (user ? user.sessions : []).map((session) => {
    const row = make("tr"), status = make("td", session.status, "status " + session.status);
    const since = session.since ? new Date(session.since).toLocaleString() : "";
    const [message, device] = [make("td", session.message || ""), make("td", session.device || "")];
    row.append(make("td", session.session), status, message, device, make("td", since));
    return row;
  });
  at("sessions").tBodies[0].replaceChildren(...rows);
}

function graph() {
  const now = Math.floor(Date.now() / BAR_MS);
  const seen = bars.filter((it) => it.slot > now - BARS);
  const most = Math.max(1, ...seen.flatMap((it) => [it.joined, it.left]));
  const shape = (name, values) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
    return made;
  };
  const marks = [shape("line", { class: "axis", x1: 0, x2: 600, y1: 60, y2: 60 })];
  for (const it of seen) {
    const x = (it.slot - now + BARS - 1) * 10, up = (it.joined / most) * 56, down = (it.left / most) * 56;
    marks.push(shape("rect", { class: "joined", x: x + 1, y: 59 - up, width: 8, height: up }));
    marks.push(shape("rect", { class: "left", x: x + 1, y: 61, width: 8, height: down }));
  }
  at("graph").replaceChildren(...marks);
  const sum = (kind) => seen.reduce((all, it) => all + it[kind], 0);
  const joined = sum("joined"), left = sum("left");
  at("graph-text").textContent = joined + left
    ? joined + " joined (above the line) and " + left + " left (below it) in the last 5 minutes."
    : "Nobody came or left in the last 5 minutes.";
}

at("where").addEventListener("submit", (event) => { event.preventDefault(); watch(); });
at("find").addEventListener("input", list);
setInterval(graph, BAR_MS);
watch();
