// One file after the other through the worker.

/** @typedef {Pick<Worker, "postMessage" | "terminate" | "onmessage" | "onerror">} HashWorker */

export class Hasher {
  #spawn;
  /** @type {HashWorker | null} */
  #worker = null;
  /** @type {((sha1: string | null) => void) | null} */
  #settle = null;

  /** @param {() => HashWorker} [spawn] */
  constructor(
    spawn = () => new Worker(new URL("hash-worker.js", import.meta.url), { type: "module" }),
  ) {
    this.#spawn = spawn;
  }

  /**
   * One at a time.
   *
   * @param {File} file
   * @returns {Promise<string | null>} hex; null when it cannot be known, or was cancelled
   */
  sha1(file) {
    return new Promise((resolve) => {
      this.#settle = resolve;
      try {
        this.#worker ??= this.#start();
        this.#worker.postMessage(file);
      } catch {
        this.#done(null); // no workers here, or the file does not go through
      }
    });
  }

  /** Nobody needs it any more, and the next file waits. */
  cancel() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#done(null);
  }

  #start() {
    const worker = this.#spawn();
    worker.onmessage = ({ data }) => this.#done(data);
    worker.onerror = () => this.cancel();
    return worker;
  }

  /** @param {string | null} sha1 */
  #done(sha1) {
    this.#settle?.(sha1);
    this.#settle = null;
  }
}
