// Keeps the marked parts of the page up to date. Without it the page is complete, but does not change.
"use strict";

const PAUSE = 1000; // ms between two looks
const status = document.getElementById("live");
let paused = false;

// Make `old` like `now` with as few changes as can be: focus, selection and scrolling stay where they are.
function morph(old, now) {
  if (old.isEqualNode(now)) return;
  if (old.nodeName !== now.nodeName || old.id !== now.id) {
    old.replaceWith(now);
  } else if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = now.data;
  } else {
    for (const name of old.getAttributeNames()) if (!now.hasAttribute(name)) old.removeAttribute(name);
    for (const name of now.getAttributeNames()) {
      if (old.getAttribute(name) !== now.getAttribute(name)) old.setAttribute(name, now.getAttribute(name));
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

async function look() {
  const source = document.body.dataset.source || location.href;
  const answer = await fetch(source, { cache: "no-store", signal: AbortSignal.timeout(10000) });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(part.id);
    if (now && !paused) morph(part, now);
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

function button(text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "quiet";
  made.textContent = text;
  made.addEventListener("click", () => act(made));
  return made;
}

function offerPause() {
  status.after(
    button("Pause", (pressed) => {
      paused = !paused;
      pressed.textContent = paused ? "Go on" : "Pause";
      say(paused ? "paused" : "live");
    }),
  );
}

function offerCopies() {
  if (!navigator.clipboard) return; // secure contexts only
  for (const value of document.querySelectorAll(".facts [data-copy]")) {
    const copy = button("Copy", async (pressed) => {
      await navigator.clipboard.writeText(value.textContent);
      pressed.textContent = "Copied";
      setTimeout(() => (pressed.textContent = "Copy"), 1500);
    });
    const named = value.closest("div").querySelector("dt").textContent;
    copy.setAttribute("aria-label", `Copy: ${named}`);
    value.after(copy);
  }
}

const address = new URL(location.href);
if (address.searchParams.has("done")) {
  address.searchParams.delete("done"); // shown once
  history.replaceState(null, "", address);
}
offerPause();
offerCopies();
keepLooking();
