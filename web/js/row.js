/** @import {Item, ItemState} from "./types.js" */
/** @import {Key, Words} from "./i18n.js" */
import { isClosed } from "./item.js";

/** @type {Record<ItemState, {icon: string, word: Key}>} */
const FACES = {
  waiting: { icon: "waiting", word: "stateWaiting" },
  uploading: { icon: "uploading", word: "stateUploading" },
  offline: { icon: "offline", word: "stateOffline" },
  paused: { icon: "paused", word: "statePaused" },
  interrupted: { icon: "attention", word: "stateInterrupted" },
  received: { icon: "arrived", word: "stateReceived" },
  stored: { icon: "arrived", word: "stateStored" },
  duplicate: { icon: "arrived", word: "stateDuplicate" },
  failed: { icon: "attention", word: "stateFailed" },
};

/** @type {Partial<Record<ItemState, Key>>} what the button at the row's end is called, if it has one */
const WAYS_OUT = {
  waiting: "cancelItem",
  uploading: "cancelItem",
  offline: "cancelItem",
  paused: "cancelItem",
  interrupted: "removeItem",
  failed: "removeItem",
};

/** One file in the list: created from the template, then updated in place. */
export class Row {
  #words;
  #parts;
  element;

  /**
   * @param {HTMLTemplateElement} template
   * @param {Item} item
   * @param {Words} words
   */
  constructor(template, item, words) {
    const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = /** @type {HTMLLIElement} */ (fragment.firstElementChild);
    this.element.dataset.id = item.id;
    this.#words = words;
    this.#parts = {
      name: this.#find(".name bdi"),
      kind: this.#find(".kind"),
      kindIcon: this.#find(".thumb use"),
      state: this.#find(".state"),
      stateIcon: this.#find(".meta use"),
      size: this.#find(".size"),
      why: this.#find(".why"),
      bar: /** @type {HTMLElement} */ (this.#find(".bar")),
      out: /** @type {HTMLButtonElement} */ (this.#find("[data-act]")),
    };
    this.#introduce(item);
    this.patch(item);
  }

  /** @param {Item} item */
  patch(item) {
    const { state, stateIcon, bar } = this.#parts;
    const icon = `#i-${faceOf(item).icon}`;
    if (this.element.dataset.state !== item.state) this.element.dataset.state = item.state;
    if (stateIcon.getAttribute("href") !== icon) stateIcon.setAttribute("href", icon);
    put(state, this.#state(item));
    bar.hidden = item.acked + item.flying === 0;
    bar.style.setProperty("--acked", share(item.acked, item.size));
    bar.style.setProperty("--flying", share(item.acked + item.flying, item.size));
    this.#explain(item);
    this.#offer(item);
  }

  /** Write all texts again, in the current language. @param {Item} item */
  translate(item) {
    delete this.element.dataset.state;
    this.element.querySelector("[data-act=retry]")?.remove();
    this.#introduce(item);
    this.patch(item);
  }

  /** @param {Item} item */
  #introduce(item) {
    const { name, kind, kindIcon, size } = this.#parts;
    put(name, item.name);
    put(kind, extension(item.name) || this.#words.say(item.kind));
    kindIcon.setAttribute("href", `#i-${item.kind}`);
    put(size, this.#words.format.bytes(item.size));
  }

  /** @param {Item} item */
  #state(item) {
    if (item.state === "uploading" && item.acked + item.flying === 0) {
      return this.#words.say("stateWaiting");
    }
    if (item.state === "received" && item.sent > 0) return this.#words.say("stateSending");
    const percent = this.#words.format.percent(item.size ? item.acked / item.size : 0);
    return this.#words.say(faceOf(item).word, { percent });
  }

  /** Show why it needs attention, or what it waits for. @param {Item} item */
  #explain(item) {
    const { why } = this.#parts;
    why.hidden = item.code === null;
    if (item.code !== null) put(why, this.#reason(item));
  }

  /** @param {Item} item */
  #reason(item) {
    const held = item.state === "received" && isClosed(item.code);
    const reason = this.#words.reason(held ? "link_hold" : item.code);
    if (item.retryAt === null || item.state === "failed" || held) return reason;
    const time = this.#words.format.clock(item.retryAt);
    return `${reason} ${this.#words.say("nextTry", { time })}`;
  }

  /** Show the buttons that make sense now. @param {Item} item */
  #offer(item) {
    const { out } = this.#parts;
    const way = WAYS_OUT[item.state];
    out.hidden = way === undefined;
    const label = way && this.#words.say(way, { name: item.name });
    if (label && out.getAttribute("aria-label") !== label) out.setAttribute("aria-label", label);
    this.#offerRetry(item);
  }

  /** @param {Item} item */
  #offerRetry(item) {
    const there = this.element.querySelector("[data-act=retry]");
    // All files that a closed link refused share one button elsewhere on the page.
    const wanted = item.state === "failed" && item.mendable && !isClosed(item.code);
    if (!wanted) there?.remove();
    if (!wanted || there) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button small tonal";
    button.dataset.act = "retry";
    button.textContent = this.#words.say("retry");
    button.setAttribute("aria-label", `${button.textContent}: ${item.name}`);
    this.#parts.why.after(button);
  }

  /** @param {string} selector */
  #find(selector) {
    return /** @type {Element & {hidden: boolean}} */ (this.element.querySelector(selector));
  }
}

/** If the server said why a file has to wait, it is not offline. @param {Item} item */
function faceOf({ state, code }) {
  return FACES[state === "offline" && code ? "waiting" : state];
}

/** @param {Node} node @param {string} text */
function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {number} part @param {number} whole */
function share(part, whole) {
  return whole > 0 ? Math.min(1, part / whole).toFixed(3) : "0";
}

/** @param {string} name */
function extension(name) {
  return /\.(\w{1,5})$/.exec(name)?.[1] ?? "";
}
