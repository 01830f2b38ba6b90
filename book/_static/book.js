// Code is folded. The switch at the head of every page shows all of it, here and on the pages to come.
const SHOWN = "code shown"; // the switch's place in this browser's memory

function showCode(shown) {
  for (const fold of document.querySelectorAll("details.hide.above-input, details.folded-code")) fold.open = shown;
  for (const button of document.querySelectorAll(".btn-code-switch")) {
    button.setAttribute("aria-pressed", shown);
    button.setAttribute("aria-label", "Code: show all of it, on every page"); // a phone shows its icon alone
  }
}

function switchCode() {
  const shown = localStorage.getItem(SHOWN) != "yes";
  localStorage.setItem(SHOWN, shown ? "yes" : "no");
  showCode(shown);
}

// On a phone, long code is folded that is open elsewhere: a reader who wants it opens it, all others read on.
const LONGEST = 12; // lines that a phone shows without scrolling the prose away

// A box of code that scrolls can be reached with the keyboard. The theme sees to those that show from the start.
function letScrolledCodeBeReached() {
  for (const code of document.querySelectorAll("div.cell_input pre")) {
    if (code.scrollWidth > code.clientWidth) code.tabIndex = 0;
  }
}
document.addEventListener("toggle", letScrolledCodeBeReached, true);
document.addEventListener("click", letScrolledCodeBeReached);

function foldLongCode() {
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
}

document.addEventListener("DOMContentLoaded", () => {
  // The theme's arrows in the list of pages have no name for those who hear the page.
  for (const summary of document.querySelectorAll("nav summary")) {
    if (!summary.textContent.trim()) summary.setAttribute("aria-label", "Show its pages");
  }
  if (window.matchMedia("(max-width: 600px)").matches) foldLongCode();
  showCode(localStorage.getItem(SHOWN) == "yes");
});
