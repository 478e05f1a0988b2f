// The page of `pulse serve`: search, and what the service is doing. Text from crawled pages is
// only ever set as text, never as HTML.
"use strict";

const byId = (id) => document.getElementById(id);
const KEY = "pulse-key";
const REFRESH_MS = 5000;

async function ask(path, options = {}) {
  const key = localStorage.getItem(KEY);
  if (!key && document.documentElement.dataset.secret) {
    byId("key-form").hidden = false;
    throw new Error("The secret is needed.");
  }
  const headers = { "content-type": "application/json" };
  if (key) headers.authorization = `Bearer ${key}`;
  const answer = await fetch(path, { ...options, headers });
  if (answer.status === 401) {
    byId("key-form").hidden = false;
    byId("key-problem").textContent = "This secret is wrong.";
    localStorage.removeItem(KEY);
    throw new Error("The secret is needed.");
  }
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail || `The service answered ${answer.status}.`);
  return body;
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

const number = (value) => Number(value || 0).toLocaleString();

function ago(moment) {
  if (!moment) return "never";
  const seconds = Math.max(0, (Date.now() - new Date(moment)) / 1000);
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
  }
  return "just now";
}

// Words of the query are marked in the passage: whole words, in scripts that part words.
const PARTED = "[\\p{Script=Latin}\\p{Script=Greek}\\p{Script=Cyrillic}\\p{N}]";
function passage(text, query) {
  const made = element("p", undefined, "passage");
  const words = query.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) || [];
  if (!words.length) { made.textContent = text; return made; }
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  for (const part of text.split(new RegExp(`(?<!${PARTED})(${escaped.join("|")})(?!${PARTED})`, "giu"))) {
    const known = words.includes(part.toLowerCase());
    made.append(known ? element("mark", part) : part);
  }
  return made;
}

function link(url, text) {
  const safe = /^https?:\/\//i.test(url);
  const made = element(safe ? "a" : "span", text);
  if (safe) { made.href = url; made.rel = "noreferrer"; }
  return made;
}

function showHits(found) {
  const list = byId("hits");
  list.replaceChildren();
  for (const hit of found.results) {
    const item = element("li");
    const title = element("div");
    title.append(link(hit.url || "", hit.title || hit.url || "untitled"));
    item.append(title, element("div", hit.url, "address"), passage(hit.text || "", found.query));
    item.append(element("div", `Match: ${Math.round(hit.score * 100)} %`, "score"));
    list.append(item);
  }
  const count = found.results.length;
  byId("results-heading").hidden = false;
  byId("results-note").textContent = count
    ? `${count} ${count === 1 ? "page" : "pages"} for “${found.query}”`
    : `Nothing was found for “${found.query}”.`;
}

async function search(event) {
  event.preventDefault();
  const query = byId("query").value.trim();
  if (!query) return;
  byId("results-note").textContent = "Searching…";
  const domain = byId("domain").value;
  const body = { query, mode: byId("mode").value, limit: 10, filters: domain ? { domain } : {} };
  try {
    showHits(await ask("/api/search", { method: "POST", body: JSON.stringify(body) }));
    byId("results").focus({ preventScroll: true });
  } catch (error) {
    byId("hits").replaceChildren();
    byId("results-note").textContent = error.message;
  }
}

function define(list, rows) {
  list.replaceChildren();
  for (const [term, value] of rows) list.append(element("dt", term), element("dd", value));
}

function fill(table, rows) {
  const body = table.tBodies[0];
  body.replaceChildren();
  for (const row of rows) {
    const made = element("tr");
    for (const [value, className] of row) made.append(element("td", value, className));
    body.append(made);
  }
  table.hidden = !rows.length;
}

function showStatus(status) {
  define(byId("stats"), [
    ["Pages", number(status.index.pages)],
    ["Chunks", number(status.index.chunks)],
    ["Collection", status.index.collection],
    ["Last change", ago(status.index.last_indexed_at)],
  ]);
  fill(byId("domains"), status.index.domains.map((one) => [[one.domain], [number(one.pages), "number"]]));
  const chosen = byId("domain");
  const before = chosen.value;
  chosen.replaceChildren(new Option("every site", ""), ...status.index.domains.map((one) => new Option(one.domain, one.domain)));
  chosen.value = before;
  define(byId("queue"), [
    ["State", status.queue.state],
    ["Waiting", `${number(status.queue.segments)} batches, ${number(status.queue.bytes / 1024)} KiB`],
  ]);
  byId("runs-none").hidden = status.runs.length > 0;
  fill(byId("runs"), status.runs.map((run) => [
    [ago(run.ended)], [run.status, run.status === "complete" ? "good" : "bad"],
    [number(run.indexed), "number"], [number(run.unchanged), "number"], [number(run.dead), "number"],
  ]));
  byId("failures-none").hidden = status.failures.length > 0;
  byId("failures").replaceChildren(...status.failures.map((one) => {
    const item = element("li");
    item.append(link(one.url || "", one.url || "a page without address"), ` (${ago(one.at)}): ${one.error}`);
    return item;
  }));
}

async function refresh() {
  try {
    const health = await (await fetch("/health")).json();
    const parts = Object.entries(health.services).filter(([, state]) => !["connected", "not configured"].includes(state));
    byId("health").textContent = health.status === "healthy" ? "Healthy" : `${health.status}: ${parts.map(([name, state]) => `${name} ${state}`).join(", ")}`;
    byId("health").className = health.status === "healthy" ? "good" : "bad";
    showStatus(await ask("/api/status"));
  } catch (error) {
    if (byId("key-form").hidden) byId("health").textContent = "The service does not answer.";
  }
}

byId("search-form").addEventListener("submit", search);
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  localStorage.setItem(KEY, byId("key").value);
  byId("key-form").hidden = true;
  byId("key").value = "";
  refresh();
});
refresh();
setInterval(() => { if (!document.hidden) refresh(); }, REFRESH_MS);
