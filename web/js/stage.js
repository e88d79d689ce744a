const WELCOME = new Set(["empty", "problem"]);

/**
 * What is on the stage in this phase: elements with `data-phases` show only in those they name.
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

/** @param {string} selector @returns {any} the element; its type is the caller's to know */
export function element(selector) {
  const found = document.querySelector(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}
