// An upload with its progress; without this script the form works too, silently.
const form = document.getElementById("upload"), bar = document.getElementById("sent"), text = document.getElementById("sent-text");
form.addEventListener("submit", (event) => {
  if (!document.getElementById("file").files.length) return;
  event.preventDefault();
  const request = new XMLHttpRequest(), started = performance.now();
  request.open("POST", form.action);
  request.setRequestHeader("X-CSRF-Token", form.elements.csrf.value);
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.hidden = false;
    bar.max = total;
    bar.value = loaded;
    const left = ((performance.now() - started) / 1000) * (total / loaded - 1);
    text.textContent = loaded === total ? "Sent; looking at it." : `${(loaded / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB, ${Math.ceil(left)} s left`;
  });
  request.addEventListener("load", () => {
    if (request.status < 300) { location.href = request.responseURL; return; }
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    text.textContent = page.querySelector("main p")?.textContent ?? "The upload was refused.";
    text.className = "no";
    bar.hidden = true;
  });
  request.addEventListener("error", () => { text.textContent = "The connection broke. Nothing was imported; try again."; text.className = "no"; });
  request.send(new FormData(form));
});
