/** @import {Commands, Item, ItemState} from "./types.js" */
/** @import {Words} from "./i18n.js" */
/** @import {Thumbs} from "./thumbs.js" */
/** @import {Uploads} from "./uploads.js" */
import { RENEWABLE } from "./item.js";
import { Row } from "./row.js";

const MOST_ROWS = 3000; // in the document; more waiting files are only counted
const ROWS_PER_FRAME = 60; // keeps the page answering while 2,000 files come in
const FEW = 8; // arrived files that are shown unfolded

/** @typedef {"attention" | "active" | "waiting" | "arrived"} GroupName */

/** The list of the guest's files, grouped by what they need; changes are drawn once per frame. */
export class List {
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {Map<string, Item>} to be drawn in the next frame */
  #dirty = new Map();
  #frame = 0;
  #folded = false;
  #root;
  #template;
  #uploads;
  #commands;
  #words;
  #thumbs;
  #groups;

  /**
   * @param {object} parts
   * @param {HTMLElement} parts.root
   * @param {HTMLTemplateElement} parts.template
   * @param {Uploads} parts.uploads
   * @param {Commands} parts.commands
   * @param {Words} parts.words
   * @param {Thumbs} parts.thumbs
   */
  constructor({ root, template, uploads, commands, words, thumbs }) {
    this.#root = root;
    this.#template = template;
    this.#uploads = uploads;
    this.#commands = commands;
    this.#words = words;
    this.#thumbs = thumbs;
    this.#groups = {
      attention: group(root, "attention"),
      active: group(root, "active"),
      waiting: group(root, "waiting"),
      arrived: group(root, "arrived"),
    };
    for (const item of uploads.items.values()) this.#later(item);
    uploads.addEventListener("add", (event) => this.#later(detail(event)));
    uploads.addEventListener("change", (event) => this.#later(detail(event)));
    uploads.addEventListener("remove", (event) => this.#remove(detail(event)));
    words.addEventListener("change", () => this.#translate());
    root.addEventListener("click", (event) => this.#act(event));
  }

  /** @param {Item} item */
  #later(item) {
    this.#dirty.set(item.id, item);
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    let made = 0;
    for (const [id, item] of this.#dirty) {
      if (made === ROWS_PER_FRAME) break;
      this.#dirty.delete(id);
      made += this.#place(item);
    }
    this.#count();
    if (this.#dirty.size > 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  /** @param {Item} item @returns {number} rows made */
  #place(item) {
    const home = this.#groups[groupOf(item)].ul;
    const row = this.#rows.get(item.id);
    if (row) {
      row.patch(item);
      this.#thumbs.watch(row.element, item);
      if (row.element.parentElement !== home) move(row.element, home);
      return 0;
    }
    if (item.state === "waiting" && this.#rows.size >= MOST_ROWS) return 0;
    const made = new Row(this.#template, item, this.#words);
    this.#rows.set(item.id, made);
    home.append(made.element);
    this.#thumbs.watch(made.element, item);
    return 1;
  }

  /** @param {Item} item */
  #remove({ id }) {
    this.#dirty.delete(id);
    const row = this.#rows.get(id);
    if (!row) return;
    this.#rows.delete(id);
    this.#thumbs.forget(row.element);
    const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
    const focused = row.element.contains(document.activeElement);
    row.element.remove();
    if (focused) this.#focus(next);
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** @param {Element | null} row */
  #focus(row) {
    const target =
      row?.querySelector("button:not([hidden])") ?? document.querySelector("#headline");
    if (target instanceof HTMLElement) target.focus();
  }

  #count() {
    for (const { element, ul, number } of Object.values(this.#groups)) {
      const size = ul.childElementCount;
      element.hidden = size === 0;
      number.textContent = this.#words.format.count(size);
    }
    this.#fold();
    this.#remedies();
    const more = this.#uploads.items.size - this.#rows.size - this.#dirty.size;
    const line = /** @type {HTMLElement} */ (this.#root.querySelector("#more"));
    line.hidden = more <= 0;
    if (more > 0) line.textContent = this.#words.say("andMore", { n: more });
  }

  /** Fold the arrived files once when there are many; after that, only the guest opens or folds. */
  #fold() {
    const { element, ul } = this.#groups.arrived;
    if (this.#folded || ul.childElementCount <= FEW) return;
    this.#folded = true;
    element.removeAttribute("open");
  }

  #remedies() {
    const { ul } = this.#groups.attention;
    const interrupted = [...ul.querySelectorAll('[data-state="interrupted"]')];
    const renewable = [...ul.children].some((row) => RENEWABLE.has(this.#item(row)?.code ?? null));
    const mendable = [...ul.children].filter((row) => this.#item(row)?.mendable).length;
    const buttons = ul.querySelectorAll("[data-act=retry]").length;
    const reopenable = interrupted.some((row) => this.#item(row)?.reopenable);
    show(this.#root.querySelector("#interrupted"), interrupted.length > 0);
    show(this.#root.querySelector("[data-do=reopen]"), reopenable);
    show(this.#root.querySelector("#renew"), renewable);
    show(this.#root.querySelector("#mend"), mendable > Math.min(1, buttons));
  }

  /** @param {Element} row */
  #item(row) {
    return this.#uploads.items.get(/** @type {HTMLElement} */ (row).dataset.id ?? "");
  }

  #translate() {
    for (const [id, row] of this.#rows) {
      const item = this.#uploads.items.get(id);
      if (item) row.translate(item);
    }
    this.#count();
  }

  /** @param {Event} event */
  #act(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-act]") : null;
    const id = button?.closest("li")?.dataset.id;
    if (!(button instanceof HTMLElement) || id === undefined) return;
    if (button.dataset.act === "retry") this.#commands.retry(id);
    else this.#commands.remove(id);
  }
}

/**
 * The group of a file. A file that is paused or offline before its first byte stays in "waiting":
 * a short network failure must not move two thousand rows.
 *
 * @param {Item} item
 * @returns {GroupName}
 */
export function groupOf({ state, acked, flying }) {
  if (state === "failed" || state === "interrupted") return "attention";
  if (state === "uploading") return "active";
  if (state === "offline" || state === "paused") return acked + flying > 0 ? "active" : "waiting";
  return state === "waiting" ? "waiting" : "arrived";
}

/** @param {HTMLElement} root @param {GroupName} name */
function group(root, name) {
  const element = /** @type {HTMLElement} */ (root.querySelector(`[data-group="${name}"]`));
  return {
    element,
    ul: /** @type {HTMLUListElement} */ (element.querySelector("ul")),
    number: /** @type {HTMLElement} */ (element.querySelector(".number")),
  };
}

/** Move a row to its new group, keeping the focus. @param {Element} row @param {Element} home */
function move(row, home) {
  const focused = row.contains(document.activeElement) ? document.activeElement : null;
  home.append(row);
  if (focused instanceof HTMLElement && focused.isConnected) focused.focus();
}

/** @param {Element | null} element @param {boolean} visible */
function show(element, visible) {
  if (element instanceof HTMLElement) element.hidden = !visible;
}

/** @param {Event} event */
function detail(event) {
  return /** @type {CustomEvent<Item>} */ (event).detail;
}
