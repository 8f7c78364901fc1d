// Review: the note opens at its key, scores can be put away, z undoes like u, a conflict can be settled on the spot.
document.addEventListener("click", (event) => {
  const { target } = event;
  if (target.closest("[data-note]")) {
    for (const el of document.querySelectorAll(".note-f")) el.hidden = false;
    document.getElementById("note").focus();
  }
  if (target.closest("[data-toggle-scores]")) document.body.classList.toggle("no-scores"); // the body outlives swaps
  const settle = target.closest("[data-revision]");
  if (settle) {
    const form = document.getElementById("decision");
    for (const field of form.querySelectorAll("[name^='body.']")) field.disabled = true;
    form.elements.revision.value = settle.dataset.revision;
    document.querySelector(`[form=decision][value=${settle.dataset.verdict}]`).click();
  }
});

addEventListener("keydown", (event) => {
  const { target } = event;
  if (target.id === "note" && (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey)))) {
    event.preventDefault();
    document.getElementById("card").focus();
  }
  if (event.key === "z" && !event.ctrlKey && !event.metaKey && !target.matches("input, textarea, select")) document.querySelector(".undo .btn")?.click();
});

// A draft of an edit is kept in this browser until it is saved or discarded.
const place = () => { const bench = document.querySelector(".review"); return bench && `draft-${bench.dataset.sample}`; };
document.addEventListener("input", (event) => {
  if (!event.target.name?.startsWith("body.")) return;
  const fields = {};
  for (const field of document.querySelectorAll("[name^='body.']")) fields[field.name] = field.value;
  sessionStorage.setItem(place(), JSON.stringify(fields));
});
document.addEventListener("htmx:after:swap", () => {
  const editing = document.querySelector("textarea[name^='body.']"), draft = sessionStorage.getItem(place());
  if (!editing) return draft && sessionStorage.removeItem(place());
  if (draft) for (const [name, value] of Object.entries(JSON.parse(draft))) { const field = document.querySelector(`[name="${name}"]`); if (field) field.value = value; }
});

// The next card waits in the page: a decision shows it at once, the answer of the server confirms it and brings the rest.
// Keys pressed in between are kept for the sample that was on the screen; a refusal puts the old card back.
let shown = null;
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const next = document.getElementById("next-card"), old = document.getElementById("card");
  if (ctx.sourceElement.id !== "decision" || !next) return;
  const fresh = next.content.firstElementChild.cloneNode(true), bench = document.querySelector(".review");
  shown = { ctx, old, fresh, bench, sample: fresh.dataset.sample, key: "" };
  bench.setAttribute("aria-busy", "true");
  document.getElementById("conflict").replaceChildren();
  old.replaceWith(fresh);
  fresh.closest("form").scrollTop = 0;
  fresh.focus({ preventScroll: true });
  document.dispatchEvent(new Event("card-shown"));
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (shown?.ctx !== ctx) return;
  const { old, fresh, bench, sample, key } = shown, now = document.querySelector(".review");
  shown = null;
  if (bench.isConnected) {
    bench.removeAttribute("aria-busy");
    fresh.replaceWith(old);
    old.focus({ preventScroll: true });
  } else if (key && now?.dataset.sample === sample) document.querySelector(`.decide [data-key="${CSS.escape(key)}"]`)?.click();
});
addEventListener("click", (event) => {
  const button = event.target.closest?.(".decide button");
  if (!shown || !button) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  shown.key ||= button.dataset.key;
}, true);
