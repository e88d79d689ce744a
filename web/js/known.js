// Asks the server whether it already has a file; questions asked at about the same time share one
// request.

/** @import {Send} from "./http.js" */

const BATCH = 100;
const GATHER = 100; // ms

export class Known {
  #url;
  #session;
  #send;
  /** @type {Map<string, ((known: boolean) => void)[]>} */
  #asked = new Map();

  /** @param {{url: URL, session: string, send: Send}} options */
  constructor({ url, session, send }) {
    this.#url = url;
    this.#session = session;
    this.#send = send;
  }

  /**
   * @param {string} sha1 hex
   * @returns {Promise<boolean>} also false if there is no answer: then the file is sent
   */
  ask(sha1) {
    return new Promise((resolve) => {
      if (!this.#asked.size) setTimeout(() => this.#flush(), GATHER);
      this.#asked.set(sha1, [...(this.#asked.get(sha1) ?? []), resolve]);
      if (this.#asked.size >= BATCH) this.#flush();
    });
  }

  async #flush() {
    const asked = this.#asked;
    this.#asked = new Map();
    if (!asked.size) return;
    const known = await this.#post([...asked.keys()]);
    for (const [sha1, waiting] of asked) for (const resolve of waiting) resolve(known.has(sha1));
  }

  /** @param {string[]} checksums */
  async #post(checksums) {
    try {
      const { json } = await this.#send({
        method: "POST",
        url: this.#url,
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ session: this.#session, checksums }),
      });
      return new Set(json?.known ?? []);
    } catch {
      return new Set();
    }
  }
}
