// Shows the page's figures anew every half minute, unless it is not looked at or somebody is at work in it.
const EVERY = 30_000;
const KEY = "phin-live";

const button = () => document.getElementById("live");
const on = () => localStorage.getItem(KEY) !== "off";

function show() {
  const found = button();
  if (!found) return;
  found.hidden = false;
  found.setAttribute("aria-pressed", String(on()));
}

async function refresh() {
  if (!on() || document.hidden) return;
  const old = document.querySelector("[data-live]");
  const chosen = String(getSelection());
  if (old.contains(document.activeElement) && document.activeElement !== button()) return;
  if (chosen) return;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (!fresh) return location.reload(); // signed out meanwhile
    const had = document.activeElement === button();
    for (const one of old.querySelectorAll("details[id]")) {
      const same = fresh.querySelector(`#${one.id}`);
      if (same) same.open = one.open;
    }
    old.replaceWith(document.adoptNode(fresh));
    show();
    if (had) button().focus();
  } catch {
    // away for a moment; the page says how old it is
  }
}

document.addEventListener("click", (event) => {
  if (event.target.id !== "live") return;
  localStorage.setItem(KEY, on() ? "off" : "on");
  show();
});
show();
setInterval(refresh, EVERY);
