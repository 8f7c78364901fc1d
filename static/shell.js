// What every page has: the theme, toasts that go by themselves, focus after a swap, forms that ask first.
const root = document.documentElement;
const year = 31_536_000;

addEventListener("click", (event) => {
  if (event.target.closest("[data-theme-switch]")) {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    document.cookie = `theme=${root.dataset.theme};path=/;max-age=${year};samesite=lax`;
  }
  if (event.target.closest("[data-density-switch]")) {
    if (root.dataset.density) delete root.dataset.density;
    else root.dataset.density = "compact";
    document.cookie = `density=${root.dataset.density ?? ""};path=/;max-age=${year};samesite=lax`;
  }
  event.target.closest("[data-dismiss]")?.closest(".toast, [popover]")?.remove();
  const copy = event.target.closest("[data-copy]");
  if (copy) navigator.clipboard.writeText(copy.dataset.copy || document.querySelector(copy.dataset.copyFrom).textContent).then(() => toast("Copied."));
});

// Toasts stay six seconds, longer while the pointer or the focus is on them.
const toasts = document.getElementById("toasts");
let timer;
const later = () => { clearTimeout(timer); timer = setTimeout(() => (toasts.matches(":hover, :focus-within") ? later() : toasts.replaceChildren()), 6000); };
new MutationObserver(later).observe(toasts, { childList: true });

export function toast(sentence) {
  const box = document.createElement("div");
  box.className = "toast";
  box.setAttribute("role", "status");
  box.textContent = sentence;
  toasts.replaceChildren(box);
}

// After a swap the focus goes to what came, when it asks for it.
document.addEventListener("htmx:after:swap", () => {
  const wanted = document.querySelector("[data-focus]");
  if (wanted) { wanted.removeAttribute("data-focus"); wanted.focus({ preventScroll: true }); }
});

// What moves many rows at once asks first.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.sure;
  if (question && !window.confirm(question)) event.preventDefault();
});

// A fetch that failed on the way says so.
document.addEventListener("htmx:error", (event) => {
  if (event.detail?.error) toast("The server did not answer. Your last step was not saved; try again in a moment.");
});
