// On a phone, long code is folded: a reader who wants it opens it, all others read on.
const LONGEST = 12; // lines that a phone shows without scrolling the prose away

// A box of code that scrolls can be reached with the keyboard. The theme sees to those that show from the start.
function letScrolledCodeBeReached() {
  for (const code of document.querySelectorAll("div.cell_input pre")) {
    if (code.scrollWidth > code.clientWidth) code.tabIndex = 0;
  }
}
document.addEventListener("toggle", letScrolledCodeBeReached, true);
document.addEventListener("click", letScrolledCodeBeReached);

document.addEventListener("DOMContentLoaded", () => {
  // The theme's arrows in the list of pages have no name for those who hear the page.
  for (const summary of document.querySelectorAll("nav summary")) {
    if (!summary.textContent.trim()) summary.setAttribute("aria-label", "Show its pages");
  }
  if (!window.matchMedia("(max-width: 600px)").matches) return;
  for (const input of document.querySelectorAll("div.cell_input")) {
    const lines = input.textContent.trim().split("\n").length;
    if (lines <= LONGEST || input.closest("details")) continue;
    const details = document.createElement("details");
    details.className = "folded-code";
    const summary = document.createElement("summary");
    summary.textContent = `Code, ${lines} lines`;
    input.replaceWith(details);
    details.append(summary, input);
  }
});
