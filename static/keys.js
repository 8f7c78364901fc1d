// A key presses the button that carries it: <button data-key="a">. What is shown is what works; a hidden button has no key.
const inField = (target) => target.matches("input:not([type=range], [type=checkbox], [type=radio]), textarea, select, [contenteditable]");

const named = (event) => (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.key.length === 1 ? event.key.toLowerCase() : event.key);

addEventListener("keydown", (event) => {
  if (event.altKey || event.isComposing) return;
  const key = named(event);
  const always = key === "Ctrl+Enter" || key === "Ctrl+s" || key === "Escape";
  if (inField(event.target) && !always) return;
  if (!always && (event.ctrlKey || event.metaKey)) return;
  const button = [...document.querySelectorAll("[data-key]")].find((el) => el.dataset.key === key && !el.disabled && el.checkVisibility());
  if (!button) return;
  event.preventDefault();
  if (button.matches("input:not([type=checkbox], [type=radio]), textarea")) return button.focus();
  button.click();
});

// The list behind "?" is drawn from the buttons themselves.
document.getElementById("keys")?.addEventListener("beforetoggle", (event) => {
  const list = event.target.querySelector("[data-keys]");
  list.replaceChildren();
  for (const button of document.querySelectorAll("[data-key]")) {
    if (!button.checkVisibility()) continue;
    const key = document.createElement("dt"), what = document.createElement("dd");
    const cap = document.createElement("kbd");
    cap.textContent = button.dataset.key;
    key.append(cap);
    what.textContent = button.getAttribute("aria-label") || button.title || button.textContent.replace(button.querySelector("kbd")?.textContent ?? "", "").trim();
    list.append(key, what);
  }
});
