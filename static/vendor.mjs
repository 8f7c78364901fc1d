// Fills static/vendor from node_modules: htmx, fonts, KaTeX, and one sprite with the icons that the templates name.
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const vendor = join(root, "static", "vendor");

rmSync(vendor, { recursive: true, force: true });
mkdirSync(vendor, { recursive: true });
cpSync(join(modules, "htmx.org/dist/htmx.min.js"), join(vendor, "htmx.min.js"));
cpSync(join(modules, "katex/dist/katex.min.js"), join(vendor, "katex/katex.min.js"));
for (const font of ["inter", "jetbrains-mono"]) {
  const from = join(modules, "@fontsource-variable", font);
  cpSync(join(from, "index.css"), join(vendor, font, "index.css"));
  cpSync(join(from, "files"), join(vendor, font, "files"), { recursive: true, filter: (path) => !path.endsWith(".woff2") || /wght-normal/.test(path) });
}

// Marks of our own words are drawn with these icons of the set.
const aliases = {
  approved: "circle-check", rejected: "circle-x", pending: "circle-dotted", in_review: "progress", dropped: "circle-minus",
  quarantined: "alert-triangle", verified: "shield-check", refuted: "shield-x", unchecked: "shield", flagged: "flag-3",
  skipped: "player-track-next", queued: "clock", running: "loader-2", succeeded: "circle-check", failed: "alert-triangle", cancelled: "circle-minus", paused: "player-pause",
  building: "loader-2", ready: "circle-check",
};
const files = (folder) => readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
const names = new Set(Object.keys(aliases));
for (const file of [...files(join(root, "templates")), ...files(join(root, "static")).filter((file) => file.endsWith(".js") && !file.startsWith(vendor)), ...files(join(root, "app")).filter((file) => file.endsWith(".py"))])
  for (const [, name] of readFileSync(file, "utf8").matchAll(/\bicon(?:\(|=)["']([a-z0-9-]+)["']/g)) names.add(name);

const symbols = [...names].sort().map((name) => {
  const svg = readFileSync(join(modules, "@tabler/icons/icons/outline", `${aliases[name] ?? name}.svg`), "utf8");
  const inner = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>")).replace(/\s*<path stroke="none"[^>]*>/, "").replace(/\s+/g, " ").trim();
  return `<symbol id="${name}" viewBox="0 0 24 24">${inner}</symbol>`;
});
writeFileSync(join(vendor, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("\n")}</svg>\n`);
