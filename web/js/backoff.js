// How long to wait before the next attempt: full jitter, doubling, any number of attempts.

export class Backoff {
  #tries = 0;

  /**
   * @param {object} [options]
   * @param {number} [options.base]  ms
   * @param {number} [options.cap]   ms
   * @param {() => number} [options.random]
   */
  constructor({ base = 1000, cap = 30_000, random = Math.random } = {}) {
    this.base = base;
    this.cap = cap;
    this.random = random;
  }

  /** ms */
  next() {
    return this.random() * Math.min(this.cap, this.base * 2 ** this.#tries++);
  }

  /** Whether there was no success since the last failure. */
  get failing() {
    return this.#tries > 0;
  }

  /** An attempt succeeded. */
  reset() {
    this.#tries = 0;
  }
}

/**
 * Wait for `ms`, or until the signal aborts.
 *
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function sleep(ms, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}

/**
 * A signal that aborts after `ms`. AbortSignal.timeout is missing in Safari before 16, and some
 * iPhones cannot be updated to that.
 *
 * @param {number} ms
 */
export function deadline(ms) {
  const timer = new AbortController();
  setTimeout(() => timer.abort(new Error("too late")), ms);
  return timer.signal;
}

/**
 * The promise's result; rejects if it takes longer than `ms` or the signal aborts.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
export async function within(promise, ms, signal) {
  const timer = new AbortController();
  const stop = () => timer.abort();
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  const late = sleep(ms, timer.signal).then(() => {
    throw new Error("too late");
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}
