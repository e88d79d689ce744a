/** @import {Item, Summary} from "./types.js" */
/** @import {Key, Words} from "./i18n.js" */
/** @import {Uploads} from "./uploads.js" */

const REDRAW = 200; // ms; the summary walks every file
const RING_START = 0.4; // percent; less would show as a dot

/** @type {ReadonlySet<string>} phases in which the guest may close the page */
export const SETTLED = new Set(["delivering", "done"]);

/** @type {Partial<Record<Summary["phase"], {icon: string, text: Key, safe?: boolean}>>} */
const ADVICE = {
  uploading: { icon: "phone", text: "keepOpen" },
  offline: { icon: "offline", text: "offlineAdvice" },
  paused: { icon: "paused", text: "pausedAdvice", safe: true },
};

/**
 * The overall progress: the ring, the line below it, and what the guest may do now.
 *
 * Dispatches `phase` when the phase has changed, and `summary` after each drawing; both have the
 * Summary in `detail`.
 */
export class Overview extends EventTarget {
  /** @type {Map<string, number>} bytes on the network, per file */
  #flying = new Map();
  #timer = 0;
  /** @type {string | null} */
  #phase = null;
  #uploads;
  #words;
  #root;

  /**
   * @param {object} parts
   * @param {HTMLElement} parts.root
   * @param {Uploads} parts.uploads
   * @param {Words} parts.words
   */
  constructor({ root, uploads, words }) {
    super();
    this.#root = root;
    this.#uploads = uploads;
    this.#words = words;
    for (const type of ["add", "change", "remove"]) {
      uploads.addEventListener(type, (event) =>
        this.#note(type, /** @type {CustomEvent} */ (event)),
      );
    }
    words.addEventListener("change", () => this.draw());
  }

  /** @param {string} type @param {CustomEvent<Item>} event */
  #note(type, { detail }) {
    if (detail.flying > 0 && type !== "remove") this.#flying.set(detail.id, detail.flying);
    else this.#flying.delete(detail.id);
    this.#timer ||= window.setTimeout(() => this.draw(), this.#phase === "empty" ? 0 : REDRAW);
  }

  draw() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const summary = this.#uploads.summary();
    const changed = summary.phase !== this.#phase;
    this.#phase = summary.phase;
    this.#ring(summary);
    this.#put("headline", this.#headline(summary));
    this.#put("amount", this.#amount(summary));
    this.#put("left", this.#left(summary));
    this.#advise(summary);
    if (SETTLED.has(summary.phase)) this.#thank(summary);
    if (changed) this.dispatchEvent(new CustomEvent("phase", { detail: summary }));
    this.dispatchEvent(new CustomEvent("summary", { detail: summary }));
  }

  /** @param {Summary} summary */
  #ring(summary) {
    const ring = this.#get("ring");
    let flying = summary.acked;
    for (const bytes of this.#flying.values()) flying += bytes;
    const part = progress(summary);
    const ahead = summary.active > 0 ? Math.min(1, flying / summary.bytes) : part;
    ring.classList.toggle("none", ahead * 100 < RING_START);
    ring.style.setProperty("--acked", (part * 100).toFixed(1));
    ring.style.setProperty("--flying", (ahead * 100).toFixed(1));
    const percent = this.#words.format.percent(part);
    this.#put("percent", percent);
    const bar = /** @type {HTMLProgressElement} */ (this.#get("progress"));
    bar.value = Math.floor(part * 100);
    bar.setAttribute("aria-valuetext", percent);
  }

  /** @param {Summary} summary */
  #headline({ phase, code, count, safe, failed, interrupted }) {
    const say = this.#words.say.bind(this.#words);
    if (code) return say("stateWaiting");
    if (phase === "offline" || phase === "paused") return say(phase);
    if (phase !== "attention") return say("arrivedOf", { done: safe, count });
    return interrupted > 0 && failed === 0
      ? say("interrupted", { n: interrupted })
      : say("attention", { n: failed + interrupted });
  }

  /** @param {Summary} summary */
  #amount({ phase, count, safe, bytes, acked }) {
    if (phase === "attention") return this.#words.say("arrivedOf", { done: safe, count });
    return this.#words.say("amount", this.#words.format.bytesOf(acked, bytes));
  }

  /** @param {Summary} summary */
  #left({ phase, eta }) {
    if (phase !== "uploading" || eta === null) return "";
    if (eta < 60) return this.#words.say("soon");
    return this.#words.say("about", { time: this.#words.format.duration(eta) });
  }

  /** @param {Summary} summary */
  #advise({ phase, code }) {
    const advice = ADVICE[phase];
    if (!advice) return;
    const element = this.#get("advice");
    element.classList.toggle("safe", advice.safe === true);
    element.querySelector("use")?.setAttribute("href", `#i-${code ? "waiting" : advice.icon}`);
    this.#put("adviceText", code ? this.#words.reason(code) : this.#words.say(advice.text));
  }

  /** Thank the guest when all is safe, and again when all is in Immich. @param {Summary} summary */
  #thank({ phase, duplicates, done, count, photos, videos }) {
    const say = this.#words.say.bind(this.#words);
    const stored = phase === "done";
    const what = this.#things({ photos, videos, done });
    this.#put("thanks", say(stored ? "thanks" : "delivering"));
    this.#put(
      "arrived",
      stored ? say("arrived", { what }) : say("deliveringDetail", { done, count }),
    );
    this.#get("wereThere").hidden = !stored || duplicates === 0;
    this.#put("wereThere", say("wereThere", { n: duplicates }));
    this.#put("closing", say(stored ? "allStored" : "safeToClose"));
  }

  /** "47 photos and 3 videos". @param {Pick<Summary, "photos" | "videos" | "done">} counts */
  #things({ photos, videos, done }) {
    /** @type {[Key, number][]} */
    const kinds = [
      ["photos", photos],
      ["videos", videos],
      ["files", done - photos - videos],
    ];
    const parts = kinds.filter(([, n]) => n > 0).map(([kind, n]) => this.#words.say(kind, { n }));
    return this.#words.format.list(parts);
  }

  /** @param {string} id @param {string} text */
  #put(id, text) {
    const element = this.#get(id);
    if (element.textContent !== text) element.textContent = text;
  }

  /** @param {string} id @returns {HTMLElement} */
  #get(id) {
    return /** @type {HTMLElement} */ (this.#root.querySelector(`#${id}`));
  }
}

/**
 * The share that the server has confirmed; 1 only when every file is safe.
 *
 * @param {Summary} summary
 * @returns {number} 0 to 1
 */
export function progress({ phase, bytes, acked, safe, count }) {
  if (SETTLED.has(phase)) return 1;
  if (phase === "attention") return safe / count;
  return bytes > 0 ? Math.min(0.99, acked / bytes) : 0;
}
