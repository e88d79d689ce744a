const WELCOME = new Set(["empty", "problem"]);

/**
 * What is on the stage in this phase: elements with `data-phases` show only in those they name.
 *
 * @param {string} phase a Summary's, or `problem`
 */
export function setStage(phase) {
  document.body.dataset.phase = phase;
  document.body.classList.toggle("welcome", WELCOME.has(phase));
  for (const element of document.querySelectorAll("[data-phases]")) {
    const phases = (element.getAttribute("data-phases") ?? "").split(" ");
    /** @type {HTMLElement} */ (element).hidden = !phases.includes(phase);
  }
}

/** @param {string} selector @returns {any} the element; its type is the caller's to know */
export function $(selector) {
  const element = document.querySelector(selector);
  if (!element) throw new Error(`the page has no ${selector}`);
  return element;
}
