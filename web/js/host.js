/** @import {Config, Summary} from "./types.js" */
/** @import {Words} from "./i18n.js" */
import { ask } from "./ask.js";
import { progress } from "./overview.js";
import { element, setStage } from "./stage.js";

const AGAIN_AFTER = 10_000; // ms until a page that found no server tries again
const OUT_OF_SERVICE = new Set([429, 502, 503, 504]);

/** The page could not get its configuration from the server. */
class NoAnswer extends Error {
  /**
   * @param {number} status of the answer; 0 when there was none
   * @param {string | null} code  the server's error code; null if the answer is a proxy's
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

/** The title and message that guests read: the host's own, or the page's defaults. */
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

  /** Show the progress in the tab's title. @param {Summary} summary */
  entitle(summary) {
    const busy = summary.phase === "uploading" || summary.phase === "offline";
    const percent = busy ? `(${this.#words.format.percent(progress(summary))}) ` : "";
    const title = percent + this.title;
    if (document.title !== title) document.title = title;
  }
}

/**
 * Without a server, the page says so and tries again by itself. It reloads only once the server
 * answers: on an error page of the browser or of a proxy, nothing would try again.
 *
 * @param {unknown} error why the start failed
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
