// The catalog: colours and completion in the search box, columns, sorting, the rows chosen for an action.
const form = document.querySelector(".q-wrap"), input = document.getElementById("search"), back = form.querySelector(".q-back");
const popup = document.getElementById("complete");

// --- the search box: the same text behind the input, coloured by what each piece is
const piece = /("(?:[^"\\]|\\.)*"?)|(-?)([\p{L}_][\w.]*)(:|[<>]=?|=)|\b(AND|OR|NOT)\b|([()])/gu;
const paint = () => {
  const nodes = [];
  let last = 0;
  for (const match of input.value.matchAll(piece)) {
    nodes.push(input.value.slice(last, match.index));
    const mark = document.createElement(match[3] ? "b" : match[5] || match[6] ? "i" : "span");
    if (match[2]) mark.className = "neg";
    mark.textContent = match[0];
    nodes.push(mark);
    last = match.index + match[0].length;
  }
  back.replaceChildren(...nodes, input.value.slice(last));
  back.scrollLeft = input.scrollLeft;
};
input.addEventListener("scroll", () => { back.scrollLeft = input.scrollLeft; });

// --- completion: what would be right at the cursor, from the server
let waiting, asked = 0, pending = false;
const options = () => [...popup.querySelectorAll("[role=option]")];
const close = () => { asked += 1; pending = false; clearTimeout(waiting); if (popup.matches(":popover-open")) popup.hidePopover(); input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
const choose = (option) => {
  for (const one of options()) one.setAttribute("aria-selected", String(one === option));
  input.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
};
const ask = async () => {
  pending = true;
  const turn = ++asked, query = new URLSearchParams({ where: input.value, at: input.selectionStart });
  const answer = await fetch(`${form.dataset.complete}?${query}`, { headers: { "HX-Request": "true" } });
  const found = await answer.text();
  if (turn !== asked) return; // a newer question, or closed meanwhile
  pending = false;
  if (!answer.ok || document.activeElement !== input) return;
  popup.innerHTML = found;
  if (!options().length) return close();
  if (!popup.matches(":popover-open")) popup.showPopover();
  input.setAttribute("aria-expanded", "true");
  choose(options()[0]);
};
const take = (option) => {
  const { text, start, end } = option.dataset;
  input.setRangeText(text + (/[:<>=]$/.test(text) ? "" : " "), Number(start), Number(end), "end");
  paint();
  ask();
};
input.addEventListener("input", () => { paint(); clearTimeout(waiting); waiting = setTimeout(ask, 80); });
input.addEventListener("blur", () => setTimeout(close, 150));
input.addEventListener("keydown", (event) => {
  const all = options(), open = popup.matches(":popover-open"), at = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
  if (event.key === "Escape") { event.stopPropagation(); if (open || pending) close(); else input.blur(); }
  if (event.key === "ArrowDown" && !open) ask();
  if (!open || !all.length) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); choose(all[(at + (event.key === "ArrowDown" ? 1 : all.length - 1)) % all.length]); }
  if (event.key === "Tab" && !event.shiftKey) { event.preventDefault(); take(all[Math.max(at, 0)]); }
});
popup.addEventListener("mousedown", (event) => {
  const option = event.target.closest("[role=option]");
  if (option) { event.preventDefault(); take(option); }
});
paint();

// --- the address carries the whole state
const go = (changes) => {
  const query = new URLSearchParams(location.search);
  query.delete("cursor");
  for (const [name, value] of Object.entries(changes)) if (value) query.set(name, value); else query.delete(name);
  location.search = query.toString();
};
document.addEventListener("change", (event) => {
  const { target } = event;
  if (target.dataset.go) location.href = target.dataset.go;
  if (target.dataset.navigate) go({ [target.dataset.navigate]: target.value });
  if (target.matches("[data-all]")) for (const box of document.querySelectorAll("input[name=ids]")) box.checked = target.checked;
  if (target.matches("[data-all], input[name=ids]")) {
    const count = document.querySelectorAll("input[name=ids]:checked").length;
    document.getElementById("chosen-count").textContent = count;
    document.querySelector(`input[name=scope][value=${count ? "chosen" : "all"}]`).checked = true;
  }
});
document.addEventListener("click", (event) => {
  const { target } = event;
  if (target.closest("[data-apply-columns]")) go({ columns: [...document.querySelectorAll("[data-column]:checked")].map((box) => box.dataset.column).join(",") || "none" });
  if (target.closest("[data-facets]")) document.getElementById("facets").classList.toggle("open");
  const dialog = document.getElementById("bulk-dialog");
  if (target.closest("[data-close]")) { dialog.hidePopover(); if (target.closest("[data-reload]")) location.reload(); }
});

// --- the dialog of an action on many samples
const dialog = document.getElementById("bulk-dialog");
document.addEventListener("htmx:after:swap", () => { if (dialog.children.length && !dialog.matches(":popover-open")) dialog.showPopover(); });
document.body.addEventListener("job-finished", () => { if (dialog.querySelector("[data-reload-on]")) setTimeout(() => location.reload(), 600); });

// Enter in the tag field tags; it must never press the first button of the form, which approves.
document.addEventListener("keydown", (event) => {
  if (event.target.id !== "tag" || event.key !== "Enter") return;
  event.preventDefault();
  document.querySelector("#rows-form [name=action][value=tag]").click();
});

// --- moving through the rows with j and k, opening with Enter
let current = -1;
addEventListener("keydown", (event) => {
  if (event.target.matches("input:not([type=checkbox]), textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const links = [...document.querySelectorAll(".catalog tbody a")];
  if (event.key === "j" || event.key === "k") {
    current = Math.min(Math.max(current + (event.key === "j" ? 1 : -1), 0), links.length - 1);
    links[current]?.focus();
    event.preventDefault();
  }
  if (event.key === "x" && links[current]) links[current].closest("tr").querySelector("input[name=ids]")?.click();
});
