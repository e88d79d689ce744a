/** @import {Config, Summary} from "./types.js" */
/** @import {Words} from "./i18n.js" */
import { ask } from "./ask.js";
import { progress } from "./overview.js";
import { element, setStage } from "./stage.js";

const AGAIN_AFTER = 10_000; // ms until a page that found no server looks again
const OUT_OF_SERVICE = new Set([429, 502, 503, 504]);

/** The server could not be asked what the page needs. */
class NoAnswer extends Error {
  /**
   * @param {number} status of the answer; 0 when there was none
   * @param {string | null} code  the server's word for it; a proxy has none
   */
  constructor(status, code) {
    super(`api/config: ${status}`);
    this.status = status;
    this.code = code;
  }
}

/** @returns {Promise<Config>} @throws {NoAnswer} */
export async function configure() {
  const { code, status, body } = await ask("api/config");
  if (code) throw new NoAnswer(status, body?.code ?? null);
  return body;
}

/** What the host says to the guests, or the page in their stead. */
export class Host {
  #config;
  #words;

  /** @param {Config} config @param {Words} words */
  constructor(config, words) {
    this.#config = config;
    this.#words = words;
    words.addEventListener("change", () => this.introduce());
  }

  get title() {
    return this.#config.title || this.#words.say("title");
  }

  introduce() {
    const size = this.#words.format.bytes(this.#config.maxFileSize);
    element("#title").textContent = this.title;
    element("#message").textContent = this.#config.message || this.#words.say("message");
    element("#limits").textContent = this.#words.say("limits", { size });
    const audience = this.#config.shared ? "album" : "privacy";
    element("#audience").textContent = this.#words.say(audience);
    element("#audienceIcon").setAttribute("href", `#i-${audience}`);
    document.title = this.title;
  }

  /** The tab tells how far it is. @param {Summary} summary */
  entitle(summary) {
    const busy = summary.phase === "uploading" || summary.phase === "offline";
    const percent = busy ? `(${this.#words.format.percent(progress(summary))}) ` : "";
    const title = percent + this.title;
    if (document.title !== title) document.title = title;
  }
}

/**
 * The page without a server: says so, and looks again by itself. It is loaded anew only when the
 * server speaks: in what a browser or a proxy shows in its stead, nobody would look any more.
 *
 * @param {unknown} error what starting ended with
 * @param {Words} words
 */
export function regret(error, words) {
  const closed = error instanceof NoAnswer && OUT_OF_SERVICE.has(error.status);
  const write = () => {
    document.title = words.say("title");
    element("#title").textContent = words.say("title");
    element("#problemTitle").textContent = words.say(closed ? "closed" : "unreachable");
    element("#problemText").textContent = words.say(closed ? "closedText" : "unreachableText");
  };
  write();
  words.addEventListener("change", write);
  setStage("problem");
  element("#problemTitle").focus();
  const again = () => location.reload();
  const look = () => configure().then(again, ({ code }) => code && again());
  element("#reload").addEventListener("click", again);
  addEventListener("online", look);
  setInterval(look, AGAIN_AFTER);
}
