/** @import {Summary} from "./types.js" */
/** @import {Words} from "./i18n.js" */
import { progress } from "./overview.js";

const GAP = 10_000; // ms between two milestones, so that one announcement does not cut another off
const QUARTERS = 4;

/**
 * Announces news to screen readers: milestones in a polite region, failures once in an assertive
 * one (WCAG ARIA22, ARIA19; a progressbar is not a live region).
 */
export class Say {
  #status;
  #alert;
  #words;
  #now;
  #said = -GAP;
  #quarter = 0;
  #failed = 0;
  /** @type {Pick<Summary, "phase" | "code">} */
  #before = { phase: "empty", code: null };

  /**
   * @param {object} parts
   * @param {{textContent: string | null}} parts.status the polite region
   * @param {{textContent: string | null}} parts.alert
   * @param {Words} parts.words
   * @param {() => number} [parts.now] ms
   */
  constructor({ status, alert, words, now = () => performance.now() }) {
    this.#status = status;
    this.#alert = alert;
    this.#words = words;
    this.#now = now;
  }

  /** Announce at once, whenever the last announcement was. @param {string} text */
  now(text) {
    this.#status.textContent = text;
    this.#said = this.#now();
  }

  /** @param {Summary} summary */
  listen(summary) {
    this.#complain(summary);
    const before = this.#before;
    this.#before = summary;
    if (before.phase === summary.phase) this.#milestone(summary);
    else this.#turn(before, summary);
  }

  /** @param {Summary} summary */
  #complain({ failed }) {
    if (failed > 0 && this.#failed === 0) {
      this.#alert.textContent = this.#words.say("saidFailed", { n: failed });
    }
    if (failed === 0) this.#alert.textContent = "";
    this.#failed = failed;
  }

  /** @param {Summary} summary */
  #milestone(summary) {
    const share = progress(summary);
    const quarter = Math.floor(share * QUARTERS);
    if (summary.phase !== "uploading" || quarter <= this.#quarter) return;
    if (this.#now() - this.#said < GAP) return;
    this.#quarter = quarter;
    const percent = this.#words.format.percent(quarter / QUARTERS);
    this.now(this.#words.say("said", { percent }));
  }

  /** @param {Pick<Summary, "phase" | "code">} before @param {Summary} summary */
  #turn(before, { phase, code, count, safe }) {
    const say = this.#words.say.bind(this.#words);
    if (phase === "uploading") this.#goOn(before, count - safe);
    else if (code) this.now(`${say("stateWaiting")}. ${this.#words.reason(code)}`);
    else if (phase === "offline") this.now(`${say("offline")}. ${say("offlineAdvice")}`);
    else if (phase === "held") this.now(say("nameFirst"));
    else if (phase === "paused") this.now(say("paused"));
    else if (phase === "delivering") this.now(`${say("delivering")}. ${say("safeToClose")}`);
    else if (phase === "done") this.now(`${say("thanks")} ${say("allStored")}`);
  }

  /** @param {Pick<Summary, "phase" | "code">} before @param {number} n files left */
  #goOn({ phase, code }, n) {
    if (phase === "paused" || code) return;
    if (phase === "offline") return this.now(this.#words.say("saidOnline"));
    this.#quarter = 0;
    this.now(this.#words.say("saidStart", { n }));
  }
}
