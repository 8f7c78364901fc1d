// Mathematics in sample text: what stands between dollar signs or \( \) is drawn by KaTeX; what it can't read stays as it is.
const formula = /\$\$([^$]+?)\$\$|\\\[([\s\S]+?)\\\]|\\\(([\s\S]+?)\\\)|\$(?!\s)([^$\n]+?)(?<![\s\\])\$(?!\d)/g;

const draw = (root) => {
  if (!window.katex) return;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest("pre, code, .katex")) found.push(walker.currentNode);
  for (const node of found) {
    const text = node.textContent, parts = [];
    let last = 0;
    for (const match of text.matchAll(formula)) {
      const source = match[1] ?? match[2] ?? match[3] ?? match[4], block = match[1] !== undefined || match[2] !== undefined;
      if (match[4] !== undefined && !/[\\^_={}+]/.test(source)) continue; // prices are not mathematics
      const box = document.createElement("span");
      try { window.katex.render(source, box, { displayMode: block, output: "mathml", throwOnError: true, trust: false, maxExpand: 200 }); } catch { continue; }
      parts.push(text.slice(last, match.index), box);
      last = match.index + match[0].length;
    }
    if (parts.length) node.replaceWith(...parts, text.slice(last));
  }
};
const drawAll = () => document.querySelectorAll("[data-math]").forEach((el) => { el.removeAttribute("data-math"); draw(el); });
drawAll();
document.addEventListener("htmx:after:swap", drawAll);
document.addEventListener("card-shown", drawAll);
