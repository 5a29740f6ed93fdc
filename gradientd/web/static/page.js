// Keeps the page fresh: asks for its live parts every two seconds and puts in anew those that changed.
// Without it the page is whole, only still. It writes nothing but what the server has escaped.
"use strict";

(() => {
  const INTERVAL_MS = 2000;
  const HOLD_MS = 5000;
  const parts = new Map();
  for (const element of document.querySelectorAll("[data-live]")) {
    parts.set(element.dataset.live, { element, html: element.innerHTML });
  }
  if (parts.size === 0) return;

  const live = document.getElementById("live");
  const said = document.getElementById("said");
  const freshness = document.getElementById("freshness");
  const rights = freshness.textContent;
  let isLive = true;
  let timer = 0;
  let silence = 0;
  let pointerAt = -Infinity;
  let isPointerDown = false;

  /** Say something to everybody, those who listen included. */
  function say(sentence) {
    said.textContent = sentence;
    clearTimeout(silence);
    silence = setTimeout(() => (said.textContent = ""), 10000);
  }

  /** Whether somebody is about to press something in it: what is under the pointer must not change now. */
  function isAimedAt(element) {
    if (isPointerDown) return true;
    const isMoving = performance.now() - pointerAt < HOLD_MS;
    return isMoving && element.querySelector("button:hover, summary:hover, a:hover") !== null;
  }

  /** Replace one part's content; an open disclosure stays open, the focus stays on its control. */
  function put(part, html) {
    const { element } = part;
    const held = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    const open = [...element.querySelectorAll("details[open]")].map((details) => details.dataset.key);
    element.innerHTML = html;
    for (const control of element.querySelectorAll("[data-key]")) {
      if (control.tagName === "DETAILS") control.open = open.includes(control.dataset.key);
      if (held !== undefined && control.dataset.key === held) control.focus({ preventScroll: true });
    }
  }

  function show(answer, isAsked) {
    document.title = answer.title;
    for (const [name, html] of Object.entries(answer.sections)) {
      const part = parts.get(name);
      if (part !== undefined && part.html !== html && (isAsked || !isAimedAt(part.element))) {
        put(part, html);
        part.html = html;
      }
    }
    document.body.classList.remove("stale");
    freshness.textContent = rights;
  }

  async function refresh(isAsked = false) {
    try {
      const answer = await fetch(`/api/sections${location.search}`, {
        headers: { Accept: "application/json" },
        signal: AbortSignal.timeout(10000),
      });
      if (answer.status === 401) {
        location.reload();
        return;
      }
      if (!answer.ok) throw new Error(answer.statusText);
      show(await answer.json(), isAsked);
    } catch {
      if (!document.body.classList.contains("stale")) {
        document.body.classList.add("stale");
        freshness.textContent = `No answer since ${new Date().toLocaleTimeString()}. ${rights}`;
      }
    }
  }

  function schedule() {
    clearTimeout(timer);
    if (!isLive || document.hidden) return;
    timer = setTimeout(async () => {
      await refresh();
      schedule();
    }, INTERVAL_MS);
  }

  /** Post a form without leaving the page. */
  async function act(form) {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(new FormData(form)),
    });
    const told = await answer.json();
    const sentences = {
      paused: "The fleet is paused.",
      resumed: "The fleet takes jobs again.",
      retried: told.count === 1 ? "Back in the queue." : `${told.count} jobs are back in the queue.`,
      purged: "Forgotten for good.",
    };
    say(answer.ok ? sentences[told.done] : told.error);
    await refresh(true);
  }

  for (const [name, isDown] of [["pointerdown", true], ["pointermove", null], ["pointerup", false], ["pointercancel", false]]) {
    document.addEventListener(name, () => {
      pointerAt = performance.now();
      if (isDown !== null) isPointerDown = isDown;
    }, { passive: true });
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!new URL(form.action).pathname.startsWith("/api/")) return;
    event.preventDefault();
    const buttons = form.querySelectorAll("button");
    buttons.forEach((button) => (button.disabled = true));
    act(form)
      .catch(() => say("No answer: it may have happened or not."))
      .finally(() => buttons.forEach((button) => (button.disabled = false)));
  });

  live.hidden = false;
  live.addEventListener("click", () => {
    isLive = !isLive;
    live.setAttribute("aria-pressed", String(isLive));
    schedule();
  });
  document.addEventListener("visibilitychange", schedule);
  schedule();
})();
