// Keeps the page as a reload would show it, without one: fetches it again and
// changes what is different, so that focus, selection and scrolling stay.
"use strict";
(() => {
  const every = 2000;
  const live = document.getElementById("live"), lost = document.getElementById("lost");
  let running = true, busy = false, again = false, heard = new Date();

  const key = (node) => (node && node.nodeType === 1 ? node.id || node.dataset.key || "" : "");

  function morph(old, next) {
    if (old.isEqualNode(next)) return;
    if (old.nodeType !== 1 || old.nodeName !== next.nodeName || key(old) !== key(next)) {
      old.replaceWith(next);
      return;
    }
    for (const { name, value } of [...next.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes]) if (!next.hasAttribute(name)) old.removeAttribute(name);
    const keep = new Set([...next.children].map(key));
    for (const child of [...old.children]) if (key(child) && !keep.has(key(child))) child.remove();
    let at = old.firstChild;
    const step = () => { const now = at; at = at.nextSibling; return now; };
    for (const child of [...next.childNodes]) {
      const known = key(child) && [...old.children].find((c) => key(c) === key(child));
      while (known && at && at !== known && !key(at)) step().remove(); // rather than move what has the focus
      if (at && key(at) === key(child)) {
        morph(step(), child);
      } else {
        old.insertBefore(known || child, at);
        if (known) morph(known, child);
      }
    }
    while (at) step().remove();
  }

  async function refresh(now) {
    if (busy) again ||= now === true;
    if (busy || now !== true && (!running || document.hidden)) return;
    busy = true;
    const asked = location.href;
    try {
      const answer = await fetch(asked, { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(10000) });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (asked === location.href) for (const id of ["footer", "main"]) morph(document.getElementById(id), next.getElementById(id)); // throws if it is no page of ours
      heard = new Date();
      lost.hidden = true;
    } catch {
      lost.textContent = "presenced does not answer. This is how it was at " + heard.toLocaleTimeString() + ".";
      lost.hidden = false;
    }
    busy = false;
    if (again) {
      again = false;
      refresh(true);
    }
  }

  // What is typed or chosen on the page of people is shown at once, as the form would.
  let typed = 0;
  function ask(form) {
    const values = new URLSearchParams([...new FormData(form)].filter(([, value]) => value.trim()));
    history.replaceState(null, "", "/" + (values.size ? "?" + values : ""));
    refresh(true);
  }
  if (location.pathname === "/" && document.getElementById("q")) {
    document.addEventListener("change", (e) => { if (e.target.matches("main form select")) ask(e.target.form); });
    document.getElementById("q").addEventListener("input", (e) => {
      clearTimeout(typed);
      typed = setTimeout(ask, 150, e.target.form);
    });
  }

  live.hidden = false;
  live.addEventListener("click", () => {
    running = !running;
    live.setAttribute("aria-pressed", running);
    refresh();
  });
  document.addEventListener("visibilitychange", refresh);
  setInterval(refresh, every);
})();
