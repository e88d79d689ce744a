// Sends one file at a time through the hash worker.

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
   * @returns {Promise<string | null>} hex; null if it failed or was cancelled
   */
  sha1(file) {
    return new Promise((resolve) => {
      this.#settle = resolve;
      try {
        this.#worker ??= this.#start();
        this.#worker.postMessage(file);
      } catch {
        this.#done(null); // there are no workers here, or the file cannot be passed to one
      }
    });
  }

  /** Stop: the checksum is not needed any more, and the next file is waiting. */
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
