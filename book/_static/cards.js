// A card beside a link shows where the link leads: a term's meaning, a source, an equation, a figure or table.
const LINKS = "article a.reference.internal[href*='#']";
const DELAY = 250; // milliseconds before a card comes, and before it goes
const parsed = new Map(); // address of a page to the promise of its document
let card, timer, owner;

function pageAt(address) {
  if (address == location.href.split("#")[0]) return Promise.resolve(document);
  if (!location.protocol.startsWith("http")) return Promise.reject(); // browsers do not read files beside a file
  if (!parsed.has(address)) {
    const text = fetch(address).then((answer) => (answer.ok ? answer.text() : Promise.reject()));
    parsed.set(address, text.then((html) => new DOMParser().parseFromString(html, "text/html")));
  }
  return parsed.get(address);
}

function contentOf(target) {
  if (target.matches("dt")) return target.parentElement.querySelector(`#${CSS.escape(target.id)} ~ dd`); // past synonyms
  if (target.matches("figure")) return target.querySelector("figcaption") ?? target.querySelector("table");
  if (target.matches("section")) return target.querySelector(":scope > p");
  return target.matches("div.citation, div.math, div.exercise, table") ? target : null;
}

// What a card shows of a target: no ids that are the page's, no links, no buttons; pictures by their full address.
function excerpt(target, address) {
  const content = contentOf(target);
  if (!content) return null;
  const copy = document.createElement("div");
  copy.append(content.cloneNode(true));
  // The first picture: a row of films, two images under a divider, the drawing of a picture that moves, or a plot.
  const picture = target.matches("figure:has(figcaption)") && target.querySelector(".films, .before-after, .moving svg, img");
  if (picture) copy.append(picture.cloneNode(true));
  copy.querySelectorAll(".headerlink, .made-by, button, input, script, style").forEach((part) => part.remove());
  copy.querySelectorAll("[id]").forEach((part) => part.removeAttribute("id"));
  copy.querySelectorAll("a").forEach((link) => link.replaceWith(...link.childNodes));
  copy.querySelectorAll("img").forEach((img) => (img.src = new URL(img.getAttribute("src"), address)));
  return copy;
}

// Equations of another page are not yet set; a page without any has not loaded MathJax.
async function setMath(box) {
  if (!box.querySelector(".math:not(:has(mjx-container))")) return;
  if (!window.MathJax?.startup) {
    const script = document.createElement("script");
    script.src = `${document.documentElement.dataset.content_root}_static/mathjax/tex-chtml.js`;
    await new Promise((done) => {
      script.onload = done;
      document.head.append(script);
    });
    await MathJax.startup.promise;
  }
  await MathJax.typesetPromise([box]);
}

function place(link) {
  const at = link.getClientRects()[0], box = card.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - box.width - 8));
  const above = at.bottom + box.height + 12 > window.innerHeight && at.top > box.height + 12;
  card.style.left = `${left + scrollX}px`;
  card.style.top = `${(above ? at.top - box.height - 6 : at.bottom + 6) + scrollY}px`;
}

async function show(link) {
  const url = new URL(link.href);
  const address = url.href.split("#")[0];
  const page = await pageAt(address).catch(() => null);
  const target = page?.getElementById(decodeURIComponent(url.hash.slice(1)));
  const content = target && excerpt(target, address);
  if (!content || owner != link) return;
  hide();
  owner = link;
  card = document.createElement("div");
  card.className = "hover-card";
  card.id = "hover-card";
  card.setAttribute("role", "tooltip");
  card.append(content);
  document.body.append(card);
  link.setAttribute("aria-describedby", card.id);
  place(link);
  await setMath(card);
  if (owner == link && card) place(link);
}

function hide() {
  owner?.removeAttribute("aria-describedby");
  card?.remove();
  card = owner = undefined;
}

function ask(event) {
  if (event.target.closest?.(".hover-card")) return clearTimeout(timer); // the pointer may rest on the card
  const link = event.target.closest?.(LINKS);
  if (!link || link == owner || event.pointerType == "touch") return;
  clearTimeout(timer);
  timer = setTimeout(() => {
    hide();
    owner = link;
    show(link);
  }, DELAY);
}

function leave(event) {
  if (!event.target.closest?.(`${LINKS}, .hover-card`)) return;
  clearTimeout(timer);
  timer = setTimeout(hide, DELAY);
}

for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, ask);
for (const kind of ["pointerout", "focusout"]) document.addEventListener(kind, leave);
document.addEventListener("keydown", (event) => event.key == "Escape" && hide());
