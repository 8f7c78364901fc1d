// The map: points drawn by WebGL from the bytes of the server, a part per frame so that moving stays smooth.
const box = document.getElementById("map");
const canvas = box.querySelector("canvas"), overlay = box.querySelector("svg"), shape = overlay.querySelector("polygon"), tip = box.querySelector("[data-tip]");
const SIDE = 65535, DIMMED = 255, GRID = 256;
const number = (value) => Math.round(value).toLocaleString("en");
const find = (name) => document.querySelector(`[data-${name}]`);

// ---------- the points ----------
let points = null; // { count, first, ids, x, y }
let order = null, codes = null, grid = null;
const view = { x: 0.5, y: 0.5, zoom: 1 }; // the middle of the picture on the map, and how much it is enlarged

const bytes = async (path) => {
  const answer = await fetch(box.dataset.api + path);
  if (!answer.ok) throw new Error((await answer.json()).detail);
  return answer.arrayBuffer();
};

const readPoints = (raw) => {
  const head = new DataView(raw), count = head.getUint32(0, true);
  return { count, first: head.getFloat64(8, true), ids: new Uint32Array(raw, 16, count), x: new Uint16Array(raw, 16 + 4 * count, count), y: new Uint16Array(raw, 16 + 6 * count, count) };
};

const readColours = (raw) => {
  const length = new DataView(raw).getUint32(0, true);
  return { said: JSON.parse(new TextDecoder().decode(new Uint8Array(raw, 4, length))), codes: new Uint8Array(raw, 4 + length) };
};

// Any beginning of a shuffled order is a fair picture of the whole: that is what is drawn while the view moves.
const shuffled = (count) => {
  const found = new Uint32Array(count);
  let seed = 1;
  for (let i = 0; i < count; i++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((seed / 4294967296) * (i + 1));
    found[i] = found[j];
    found[j] = i;
  }
  return found;
};

// Points by cell of a grid, for the one under the pointer.
const gridded = ({ count, x, y }) => {
  const starts = new Uint32Array(GRID * GRID + 1), cells = new Uint32Array(count);
  for (let i = 0; i < count; i++) starts[(x[i] >> 8) + GRID * (y[i] >> 8) + 1]++;
  for (let i = 0; i < GRID * GRID; i++) starts[i + 1] += starts[i];
  const next = starts.slice();
  for (let i = 0; i < count; i++) cells[next[(x[i] >> 8) + GRID * (y[i] >> 8)]++] = i;
  return { starts, cells };
};

// ---------- drawing ----------
const VERTEX = `attribute vec2 place; attribute float code; uniform vec2 middle, scale; uniform float size; uniform vec3 palette[14]; varying vec3 colour;
void main() {
  int at = int(min(code, 13.0) + 0.5);
  for (int i = 0; i < 14; i++) if (i == at) colour = palette[i];
  gl_Position = vec4((place - middle) * scale, at == 13 ? 0.5 : at > 10 ? 0.2 : 0.0, 1.0);
  gl_PointSize = at == 13 ? size * 0.75 : size;
}`;
const FRAGMENT = `precision mediump float; varying vec3 colour; uniform float round_;
void main() { vec2 from = gl_PointCoord - 0.5; if (round_ > 0.5 && dot(from, from) > 0.25) discard; gl_FragColor = vec4(colour, 1.0); }`;
let gl = null, program = null, where = {}, buffers = {};
let drawn = 0, dirty = false, waiting = false, budget = 60000, last = 0, some = 0;

const shader = (kind, source) => {
  const made = gl.createShader(kind);
  gl.shaderSource(made, source);
  gl.compileShader(made);
  if (!gl.getShaderParameter(made, gl.COMPILE_STATUS) && !gl.isContextLost()) throw new Error(gl.getShaderInfoLog(made));
  gl.attachShader(program, made);
};

const prepare = () => {
  gl = canvas.getContext("webgl", { antialias: false, preserveDrawingBuffer: true, alpha: false });
  if (!gl) return false;
  program = gl.createProgram();
  shader(gl.VERTEX_SHADER, VERTEX);
  shader(gl.FRAGMENT_SHADER, FRAGMENT);
  gl.linkProgram(program);
  gl.useProgram(program);
  gl.enable(gl.DEPTH_TEST);
  gl.depthFunc(gl.LEQUAL);
  where = Object.fromEntries(["middle", "scale", "size", "palette", "round_"].map((name) => [name, gl.getUniformLocation(program, name)]));
  buffers = { place: gl.createBuffer(), code: gl.createBuffer() };
  return true;
};

const fill = (name, data, width, type) => {
  gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
  gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
  const at = gl.getAttribLocation(program, name);
  gl.enableVertexAttribArray(at);
  gl.vertexAttribPointer(at, width, type, name === "place", 0, 0);
};

const sendPlaces = () => {
  const both = new Uint16Array(2 * points.count);
  for (let i = 0; i < points.count; i++) { both[2 * i] = points.x[order[i]]; both[2 * i + 1] = points.y[order[i]]; }
  fill("place", both, 2, gl.UNSIGNED_SHORT);
};

const sendCodes = () => {
  const mine = new Uint8Array(points.count);
  for (let i = 0; i < points.count; i++) mine[i] = codes[order[i]];
  fill("code", mine, 1, gl.UNSIGNED_BYTE);
};

const rgb = (element) => getComputedStyle(element).color.match(/[\d.]+/g).slice(0, 3).map((one) => Number(one) / 255);
let kind = "word";
const sendPalette = () => {
  const swatches = [...document.querySelectorAll(`[data-palette=${kind}] i`)].map(rgb);
  while (swatches.length < 11) swatches.push([0, 0, 0]);
  const [others, nothing, dimmed] = [...document.querySelectorAll("[data-palette=rest] i")].map(rgb);
  gl.uniform3fv(where.palette, [...swatches, others, nothing, dimmed].flat());
  gl.clearColor(...rgb(find("ground")), 1);
};

// Pixels per unit of the map, which is as high as it is wide.
const scaled = () => Math.min(canvas.clientWidth, canvas.clientHeight) * view.zoom;

const redraw = () => {
  drawn = 0;
  dirty = true;
  if (!waiting) { waiting = true; requestAnimationFrame(frame); }
};

const frame = (now) => {
  waiting = false;
  if (!points || !codes || gl.isContextLost()) return;
  if (last && some) {
    const took = now - last;
    // As many points a frame as the machine draws in time; the rest follows as soon as the view stands still.
    budget = took > 24 ? Math.max(budget * 0.75, 15000) : took < 18 ? Math.min(budget * 1.2, points.count + 1) : budget;
  }
  last = now;
  const ratio = devicePixelRatio || 1, wide = Math.round(canvas.clientWidth * ratio), high = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; dirty = true; drawn = 0; }
  if (dirty) {
    gl.viewport(0, 0, wide, high);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const size = (points.count > 100000 ? 2 : points.count > 10000 ? 3 : 5) * Math.min(view.zoom ** 0.35, 4) * ratio;
    gl.uniform2f(where.middle, view.x, view.y);
    gl.uniform2f(where.scale, (2 * scaled()) / canvas.clientWidth, (2 * scaled()) / canvas.clientHeight);
    gl.uniform1f(where.size, size);
    gl.uniform1f(where.round_, size > 3.5 ? 1 : 0);
    dirty = false;
    paintShape();
    paintLabels();
  }
  some = Math.min(Math.ceil(budget), points.count - drawn);
  if (some > 0) {
    gl.drawArrays(gl.POINTS, drawn, some);
    drawn += some;
    waiting = true; // one frame more than there is to draw: it tells how long the last one took
    requestAnimationFrame(frame);
  } else {
    last = 0;
    box.dataset.drawn = points.count;
  }
};

// ---------- from the screen to the map and back ----------
const toMap = (x, y) => [view.x + (x - canvas.clientWidth / 2) / scaled(), view.y - (y - canvas.clientHeight / 2) / scaled()];
const toScreen = (x, y) => [(x - view.x) * scaled() + canvas.clientWidth / 2, (view.y - y) * scaled() + canvas.clientHeight / 2];
const place = (event) => { const edge = canvas.getBoundingClientRect(); return [event.clientX - edge.left, event.clientY - edge.top]; };

const under = (x, y) => {
  if (!grid) return -1;
  const [across, up] = toMap(x, y).map((one) => one * SIDE), reach = Math.max((7 / scaled()) * SIDE, 2);
  let best = -1, least = reach * reach;
  const cell = (value) => Math.min(Math.max(value >> 8, 0), GRID - 1);
  for (let row = cell(up - reach); row <= cell(up + reach); row++)
    for (let column = cell(across - reach); column <= cell(across + reach); column++) {
      const at = column + GRID * row;
      for (let k = grid.starts[at]; k < grid.starts[at + 1]; k++) {
        const i = grid.cells[k], dx = points.x[i] - across, dy = points.y[i] - up, far = dx * dx + dy * dy;
        if (far < least && codes[i] !== DIMMED) { least = far; best = i; }
      }
    }
  return best;
};

const zoomAt = (factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) => {
  const before = toMap(x, y);
  view.zoom = Math.min(Math.max(view.zoom * factor, 0.5), 400);
  const after = toMap(x, y);
  view.x += before[0] - after[0];
  view.y += before[1] - after[1];
  redraw();
};

// ---------- the sample under the pointer ----------
let timer = 0, shown = -1;
const hide = () => { clearTimeout(timer); tip.hidden = true; shown = -1; };
const hover = (x, y) => {
  const point = under(x, y);
  if (point === shown) return;
  hide();
  shown = point;
  canvas.classList.toggle("on", point >= 0);
  if (point >= 0) timer = setTimeout(() => tell(point, x, y), 80);
};
const tell = async (point, x, y) => {
  const answer = await fetch(`${box.dataset.api}/samples/${points.first + points.ids[point]}`);
  if (point !== shown) return;
  const found = answer.ok ? await answer.json() : { text: "This sample was deleted.", status: "" };
  tip.querySelector("p").textContent = found.text.slice(0, 280);
  tip.querySelector("small").textContent = [found.id && `#${found.id}`, found.status, found.domain].filter(Boolean).join(" · ");
  tip.hidden = false;
  tip.style.left = `${Math.min(x + 14, canvas.clientWidth - tip.offsetWidth - 8)}px`;
  tip.style.top = `${y + 18 + tip.offsetHeight > canvas.clientHeight ? Math.max(y - tip.offsetHeight - 12, 4) : y + 18}px`;
};

// ---------- moving and selecting ----------
let held = null, lasso = false, area = []; // corners of what is selected, on the map
const paintShape = () => shape.setAttribute("points", area.map(([x, y]) => toScreen(x, y).map((one) => one.toFixed(1)).join(",")).join(" "));

// ---------- names where most of their points are ----------
let named = [];
const inSvg = (kind, parent) => parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", kind));
const setLabels = (found) => {
  const group = overlay.querySelector("g");
  group.replaceChildren();
  named = found.map((one) => {
    const text = inSvg("text", group);
    text.textContent = one.name.length > 34 ? `${one.name.slice(0, 33)}…` : one.name;
    return { text, x: one.x / SIDE, y: one.y / SIDE, wide: text.getBBox().width / 2 + 4 };
  });
};
// The largest first; a name that would lie on another waits until the picture is enlarged.
const paintLabels = () => {
  const taken = [];
  for (const one of named) {
    const [x, y] = toScreen(one.x, one.y);
    const free = !taken.some((other) => Math.abs(other.y - y) < 17 && Math.abs(other.x - x) < other.wide + one.wide);
    one.text.style.display = free ? "" : "none";
    if (!free) continue;
    taken.push({ x, y, wide: one.wide });
    one.text.setAttribute("x", x.toFixed(1));
    one.text.setAttribute("y", y.toFixed(1));
  }
};
const setLasso = (on) => { lasso = on; find("lasso").setAttribute("aria-pressed", on); canvas.classList.toggle("draws", on); };

canvas.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  canvas.setPointerCapture(event.pointerId);
  held = { at: place(event), moved: false };
  hide();
  if (lasso || event.shiftKey) { held.draws = true; area = [toMap(...held.at)]; }
});
canvas.addEventListener("pointermove", (event) => {
  const at = place(event);
  if (!held) return hover(...at);
  const [dx, dy] = [at[0] - held.at[0], at[1] - held.at[1]];
  if (!held.moved && Math.hypot(dx, dy) < 4) return;
  held.moved = true;
  held.at = at;
  if (held.draws) { area.push(toMap(...at)); paintShape(); return; }
  view.x -= dx / scaled();
  view.y += dy / scaled();
  redraw();
});
canvas.addEventListener("pointerup", (event) => {
  const point = held && !held.moved ? under(...place(event)) : -1, draws = held?.draws && held.moved;
  held = null;
  if (draws) { setLasso(false); keep(); } else if (point >= 0) location.href = `/samples/${points.first + points.ids[point]}`;
});
canvas.addEventListener("pointercancel", () => { held = null; });
canvas.addEventListener("pointerleave", () => { if (!held) hide(); });
canvas.addEventListener("wheel", (event) => { event.preventDefault(); hide(); zoomAt(Math.exp(-event.deltaY * 0.0015), ...place(event)); }, { passive: false });
canvas.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (!step) return;
  event.preventDefault();
  view.x += (step[0] * 60) / scaled();
  view.y += (step[1] * 60) / scaled();
  redraw();
});

// Fewer corners where there are more than an area may have.
const corners = () => {
  const every = Math.ceil(area.length / 900), clamp = (one) => Math.round(Math.min(Math.max(one, 0), 1) * SIDE);
  const all = area.filter((_, i) => i % every === 0).map((one) => one.map(clamp));
  return all.filter((one, i) => i === 0 || one[0] !== all[i - 1][0] || one[1] !== all[i - 1][1]);
};
const keep = async () => {
  paintShape();
  if (corners().length < 3) return say("Draw a line around some points.");
  const headers = { "content-type": "application/json", "X-CSRF-Token": box.dataset.csrf };
  const answer = await fetch(`${box.dataset.api}/areas`, { method: "POST", headers, body: JSON.stringify({ polygon: corners() }) });
  const found = await answer.json();
  if (!answer.ok) return say(found.detail);
  const panel = find("selected"), link = `${box.dataset.catalog}?where=${encodeURIComponent(found.where)}`;
  panel.hidden = false;
  panel.querySelector("[data-count]").textContent = `${number(found.count)} ${found.count === 1 ? "sample" : "samples"}`;
  panel.querySelector("[data-where]").textContent = found.where;
  panel.querySelector("[data-open]").href = link;
  for (const field of panel.querySelectorAll("[name=where]")) field.value = found.where;
  for (const field of panel.querySelectorAll("[name=confirmed]")) field.value = found.count;
  panel.querySelector("[data-open]").focus();
  say("");
};
const say = (sentence) => { const line = find("said"); line.textContent = sentence; line.hidden = !sentence; };

// ---------- colours and their legend ----------
let asked = 0;
const colour = async () => {
  const mine = ++asked, by = find("by").value, filter = find("filter").value.trim();
  box.setAttribute("aria-busy", "true");
  try {
    const found = readColours(await bytes(`/colours?by=${encodeURIComponent(by)}&where=${encodeURIComponent(filter)}`));
    if (mine !== asked) return;
    if (found.codes.length !== points.count) { await load(); return; }
    codes = found.codes;
    kind = found.said.kind;
    sendPalette();
    sendCodes();
    legend(found.said, filter);
    setLabels(found.said.labels);
    say("");
    redraw();
  } catch (problem) { say(problem.message); } finally { if (mine === asked) box.setAttribute("aria-busy", "false"); }
};

const legend = ({ legend: lines, matching }, filter) => {
  const rows = lines.map((one) => {
    const row = document.createElement("tr"), name = document.createElement("td"), count = document.createElement("td");
    const swatch = document.createElement("i"), link = document.createElement(one.where ? "a" : "span");
    swatch.className = one.code > 10 ? `mc-r${one.code - 11}` : `mc-${kind === "word" ? "w" : "n"}${one.code}`;
    link.textContent = one.name;
    if (one.where) link.href = `${box.dataset.catalog}?where=${encodeURIComponent([filter && `(${filter})`, one.where].filter(Boolean).join(" "))}`;
    name.className = "one";
    count.className = "num";
    count.textContent = number(one.count);
    name.append(swatch, link);
    row.append(name, count);
    return row;
  });
  find("legend").replaceChildren(...rows);
  find("matching").textContent = number(matching);
};

const load = async () => {
  points = readPoints(await bytes("/points"));
  order = shuffled(points.count);
  grid = gridded(points);
  codes = null;
  sendPlaces();
  await colour();
};

// ---------- buttons ----------
find("by").addEventListener("change", colour);
find("filter-form").addEventListener("submit", (event) => { event.preventDefault(); colour(); });
find("lasso").addEventListener("click", () => setLasso(!lasso));
find("visible").addEventListener("click", () => {
  const [wide, high] = [canvas.clientWidth, canvas.clientHeight];
  area = [[0, 0], [wide, 0], [wide, high], [0, high]].map((one) => toMap(...one));
  keep();
});
find("names").addEventListener("click", () => {
  const on = overlay.classList.toggle("bare");
  find("names").setAttribute("aria-pressed", !on);
});
find("nearer").addEventListener("click", () => zoomAt(1.6));
find("farther").addEventListener("click", () => zoomAt(1 / 1.6));
find("whole").addEventListener("click", () => { Object.assign(view, { x: 0.5, y: 0.5, zoom: 1 }); redraw(); });
new ResizeObserver(redraw).observe(canvas);
const repaint = () => { if (points && codes) { sendPalette(); redraw(); } };
new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
canvas.addEventListener("webglcontextrestored", () => { if (prepare() && points) { sendPlaces(); sendCodes(); repaint(); } });
document.body.addEventListener("job-finished", () => setTimeout(() => location.reload(), 400));

if (prepare()) load().catch((problem) => say(problem.message));
else say("This browser draws no WebGL. What the map shows stands in numbers beside it.");
