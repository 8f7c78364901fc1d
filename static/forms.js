// A form that the server refuses stays as it is: the sentence stands in it, and what was typed is kept.
// Without this script the sentence comes as a page of its own, with a way back.
const ours = "[hx-get], [hx-post], [hx-put], [hx-delete], [method=dialog]";

document.addEventListener("submit", (event) => {
  const form = event.target, way = event.submitter?.getAttribute("formmethod") ?? form.getAttribute("method");
  if (event.defaultPrevented || form.matches(ours) || way?.toLowerCase() !== "post") return;
  event.preventDefault();
  if (form.ariaBusy !== "true") send(form, event.submitter);
});

async function send(form, submitter) {
  const filled = new FormData(form, submitter);
  const headers = { "X-Form": "stay" };
  if (filled.has("csrf")) headers["X-CSRF-Token"] = filled.get("csrf");
  const body = form.getAttribute("enctype") === "multipart/form-data" ? filled : new URLSearchParams(filled);
  const target = submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? location.href;
  form.ariaBusy = "true";
  try {
    const answer = await fetch(target, { method: "POST", headers, body });
    if (answer.headers.has("Location")) leave(answer.headers.get("Location"));
    else if (answer.ok) show(await answer.text());
    else refuse(form, await told(answer));
  } catch {
    refuse(form, { detail: "The server did not answer. What you typed is still here; try again in a moment." });
  }
}

// A page that comes back from the browser's memory has no form on its way any more.
addEventListener("pageshow", () => { for (const form of document.forms) form.ariaBusy = null; });

// As after any form that went well; an address that differs in its end alone would load nothing.
function leave(target) {
  const to = new URL(target, location.href);
  const same = to.pathname + to.search === location.pathname + location.search;
  if (!same || !to.hash) return location.assign(to);
  history.replaceState(null, "", to);
  location.reload();
}

// A page that is the answer itself, since it shows something once.
function show(text) {
  const page = new DOMParser().parseFromString(text, "text/html"), main = document.importNode(page.getElementById("main"), true);
  document.title = page.title;
  document.getElementById("main").replaceWith(main);
  window.htmx?.process(main);
  main.focus();
}

async function told(answer) {
  const text = await answer.text();
  if (answer.headers.get("Content-Type")?.includes("json")) return JSON.parse(text);
  const page = new DOMParser().parseFromString(text, "text/html");
  const said = (page.querySelector("main [role=alert]") ?? page.querySelector("main p"))?.textContent.trim();
  return { detail: said || `The server refused this, with status ${answer.status}.` };
}

function refuse(form, { detail, errors = [] }) {
  form.ariaBusy = null;
  for (const old of document.querySelectorAll("[data-refusal]")) old.remove();
  for (const old of form.querySelectorAll("[aria-describedby=refusal]")) { old.removeAttribute("aria-invalid"); old.removeAttribute("aria-describedby"); }
  const note = document.getElementById("refused").content.firstElementChild.cloneNode(true);
  note.id = "refusal";
  note.querySelector("div").textContent = detail;
  place(form, note);
  for (const { path } of errors) {
    const field = [path, path.replace(/^body\./, ""), path.split(".").at(-1)].map((name) => form.querySelector(`[name="${CSS.escape(name)}"]`)).find(Boolean);
    field?.setAttribute("aria-invalid", "true");
    field?.setAttribute("aria-describedby", "refusal");
  }
  note.focus();
  note.scrollIntoView({ block: "nearest" });
}

// At the top of the form; of one that is a line, above that line, or above the table that it stands in.
function place(form, note) {
  const line = (element) => /flex|grid|table/.test(getComputedStyle(element).display);
  if (!line(form)) {
    const title = form.querySelector(":scope > h1, :scope > h2");
    return title ? title.after(note) : form.prepend(note);
  }
  let at = form;
  while (line(at.parentElement) && !at.parentElement.matches("main, .pane, [popover], .scroll")) at = at.parentElement;
  at.before(note);
}
