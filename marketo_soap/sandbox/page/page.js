// Keeps the marked parts of the page up to date, and opens rows beside their list. Without it the page is complete,
// but does not change, and each row is a page of its own.
"use strict";

const PAUSE = 1000; // ms between two looks
const status = document.getElementById("live");
const pause = document.getElementById("pause");
let paused = false;
let visits = 0;
let shown = location.pathname + location.search;

// Make `old` like `now` with as few changes as can be: focus, selection and scrolling stay where they are.
function morph(old, now) {
  if (old.isEqualNode(now)) return;
  if (old.nodeName !== now.nodeName || old.id !== now.id) {
    old.replaceWith(now);
  } else if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = now.data;
  } else {
    const kept = old.nodeName === "DETAILS" ? "open" : ""; // the reader opens and closes it
    for (const name of old.getAttributeNames()) {
      if (name !== kept && !now.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const name of now.getAttributeNames()) {
      if (name !== kept && old.getAttribute(name) !== now.getAttribute(name)) {
        old.setAttribute(name, now.getAttribute(name));
      }
    }
    morphChildren(old, now);
  }
}

// Children with ids are rows of a table: a new one at the top does not disturb those below it.
function morphChildren(old, now) {
  const known = new Map(Array.from(old.children, (child) => [child.id, child]));
  let at = old.firstChild;
  for (const next of [...now.childNodes]) {
    const same = next.id ? known.get(next.id) : at && !at.id && at.nodeName === next.nodeName && at;
    if (!same) {
      old.insertBefore(next, at);
    } else {
      if (same === at) at = at.nextSibling;
      else old.insertBefore(same, at);
      morph(same, next);
    }
  }
  while (at) {
    const rest = at.nextSibling;
    at.remove();
    at = rest;
  }
}

const read = async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html");

// Where the live parts come from. A look that began before a visit ended is of another page.
const source = () => document.body.dataset.source || location.href;

async function look() {
  const [from, before] = [source(), visits];
  const answer = await fetch(from, { cache: "no-store", signal: AbortSignal.timeout(10000) });
  if (!answer.ok && answer.status !== 404) throw new Error(`HTTP ${answer.status}`);
  const fresh = await read(answer);
  if (paused || before !== visits || from !== source()) return;
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(part.id);
    if (now) morph(part, now);
  }
}

function say(text) {
  if (status.textContent !== text) status.textContent = text;
}

async function keepLooking() {
  if (!paused && !document.hidden) {
    try {
      await look();
      say(paused ? "paused" : "live");
    } catch {
      say("what you see is old");
    }
  }
  setTimeout(keepLooking, PAUSE);
}

// -- a list, and the detail of one of its rows --

const soft = (element) => element.closest("[data-soft]");
const detail = () => document.getElementById("detail");

// Show another page of the same list in this one: the list keeps its place, the detail begins at its top.
async function visit(address, { method = "GET", body, back = false, otherwise } = {}) {
  const mine = ++visits;
  const answer = await fetch(address, { method, body, cache: "no-store" });
  const fresh = await read(answer);
  if (mine !== visits) return;
  const main = fresh.getElementById("main");
  if (!main || !soft(main)) {
    if (otherwise) otherwise(); // it is no list
    else location.assign(answer.url);
    return;
  }
  if (!back) {
    history.replaceState({ top: scrollY }, "");
    history.pushState(null, "", answer.url);
  }
  shown = location.pathname + location.search;
  document.title = fresh.title;
  if (fresh.body.dataset.source) document.body.dataset.source = fresh.body.dataset.source;
  else delete document.body.dataset.source;
  const opened = detail()?.querySelector("h2")?.textContent;
  morph(document.getElementById("main"), main);
  for (const form of document.querySelectorAll("form.filter")) form.reset(); // to what the address says
  if (detail() && detail().querySelector("h2")?.textContent !== opened) detail().scrollTop = 0;
  const focused = document.activeElement;
  if (!focused || focused === document.body || !focused.checkVisibility()) {
    (detail() || document.getElementById("list")).focus({ preventScroll: true });
  }
  if (!document.getElementById("list").checkVisibility()) scrollTo(0, 0);
  else if (back) scrollTo(0, history.state?.top ?? 0);
  settleAddress();
}

const attempt = (address, options) => visit(address, options).catch(() => say("what you see is old"));

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  const elsewhere = event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  if (!link || elsewhere || link.hasAttribute("download")) return;
  if (link.dataset.fetched !== undefined && navigator.clipboard) {
    event.preventDefault();
    fetch(link.href).then((answer) => answer.text()).then((text) => copy(link, text));
  } else if (soft(link) && !link.hash && listOf(link.pathname) === listOf(location.pathname)) {
    event.preventDefault();
    attempt(link.href);
  }
});

// The address of the list that a page belongs to.
const listOf = (path) => path.replace(/\/page\/leads\/\d+$/, "/").replace(/\/\d+$/, "");

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!soft(form)) return;
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(form, event.submitter));
  if (form.method === "post") {
    attempt(form.action, { method: "POST", body: fields, otherwise: () => form.submit() });
    return;
  }
  for (const [name, value] of [...fields]) if (!value) fields.delete(name, value);
  attempt(`${form.action.split("?")[0]}${fields.size ? `?${fields}` : ""}`);
});

document.addEventListener("change", (event) => {
  if (event.target.matches("form.filter select")) event.target.form.requestSubmit();
});

addEventListener("popstate", () => {
  if (shown !== location.pathname + location.search) attempt(location.href, { back: true }); // else only the #mark
});

// -- buttons --

async function copy(pressed, text) {
  const before = pressed.textContent;
  await navigator.clipboard.writeText(text);
  pressed.textContent = "Copied";
  setTimeout(() => (pressed.textContent = before), 1500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const from = document.getElementById(button.dataset.copies) || button.parentElement.querySelector("code");
  copy(button, from.textContent);
});

pause.addEventListener("click", () => {
  paused = !paused;
  pause.textContent = paused ? "Go on" : "Pause";
  say(paused ? "paused" : "live");
});

function settleAddress() {
  const address = new URL(location.href);
  if (!address.searchParams.has("done")) return;
  address.searchParams.delete("done"); // shown once
  history.replaceState(history.state, "", address);
  shown = location.pathname + location.search;
}

document.documentElement.classList.add("scripts");
if (navigator.clipboard) document.documentElement.classList.add("clipboard"); // secure contexts only
settleAddress();
keepLooking();
