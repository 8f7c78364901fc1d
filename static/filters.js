// Filters: while the threshold moves, counts come from the JSON in the page; on release one request brings the rest.
const form = () => document.getElementById("filters");

const number = (value) => Math.round(value).toLocaleString("en");
const short = (value) => String(Number(Number(value).toPrecision(4)));

const paint = (range) => {
  const data = JSON.parse(document.getElementById("steps").textContent), value = Number(range.value), share = (value - data.low) / (data.high - data.low);
  const at = Math.min(Math.max(Math.round(share * (data.kept.length - 1)), 0), data.kept.length - 1);
  const goes = document.querySelector("[data-goes]"), x = Math.min(Math.max(share, 0), 1) * 100;
  goes.setAttribute("x", `${data.above ? 0 : x}%`);
  goes.setAttribute("width", `${data.above ? x : 100 - x}%`);
  document.querySelector("[data-kept]").textContent = number(data.kept[at]);
  document.querySelector("[data-share]").textContent = data.total ? `${((100 * data.kept[at]) / data.total).toFixed(1)} %` : "–";
  document.querySelector("[data-number]").value = short(value);
};

// A new bound is written into the text of its condition, be it x>=3, x:2.. or x:..3; the change of that field asks the server.
const bound = /^(.*?(?:[<>]=?|:)\s*)(\.\.)?.*?(\.\.)?(\)*)$/;
const move = (condition, value) => {
  const box = form().querySelectorAll("input.cond")[condition - 1];
  box.value = box.value.trim().replace(bound, (_, field, upTo = "", from = "", end = "") => field + upTo + short(value) + from + end);
  box.dispatchEvent(new Event("change", { bubbles: true }));
};

document.addEventListener("input", (event) => { if (event.target.matches("[data-threshold]")) paint(event.target); });
document.addEventListener("change", (event) => {
  const { target } = event;
  if (target.matches("[data-threshold], [data-number]")) {
    event.stopPropagation();
    form().elements.at.value = target.dataset.condition;
    move(Number(target.dataset.condition), target.value);
  }
  if (target.matches("[data-off]")) target.parentElement.querySelector("input[name=off]").disabled = target.checked;
}, true);

document.addEventListener("click", (event) => {
  const plot = event.target.closest("[data-at]"), gone = event.target.closest("[data-remove]"), save = event.target.closest("[data-save]");
  if (plot) { form().elements.at.value = plot.dataset.at; form().requestSubmit(); }
  if (gone) { gone.closest("li").remove(); for (const [i, box] of form().querySelectorAll("input[name=off]").entries()) box.value = i + 1; form().requestSubmit(); }
  if (save) {
    const copy = document.createElement("form");
    copy.method = "post";
    copy.action = form().action;
    for (const [name, value] of new FormData(form())) if (name !== "at" && !(name === "c" && !value.trim())) copy.append(hidden(name, value));
    copy.append(hidden("then", save.dataset.save), hidden("csrf", form().dataset.csrf));
    document.body.append(copy);
    copy.submit();
  }
});
const hidden = (name, value) => Object.assign(document.createElement("input"), { type: "hidden", name, value });
document.body.addEventListener("job-finished", () => setTimeout(() => location.reload(), 400));
