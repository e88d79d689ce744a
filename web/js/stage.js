const WELCOME = new Set(["empty", "problem"]);

/**
 * Show the parts of the page for a phase: elements with `data-phases` are visible only in those.
 *
 * @param {string} phase a Summary's, or `problem`
 */
export function setStage(phase) {
  document.body.dataset.phase = phase;
  document.body.classList.toggle("welcome", WELCOME.has(phase));
  for (const part of document.querySelectorAll("[data-phases]")) {
    const phases = (part.getAttribute("data-phases") ?? "").split(" ");
    /** @type {HTMLElement} */ (part).hidden = !phases.includes(phase);
  }
}

/** @param {string} selector @returns {any} the element; the caller knows its type */
export function element(selector) {
  const found = document.querySelector(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}
