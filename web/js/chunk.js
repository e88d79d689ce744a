// How many bytes go into one request. Small enough that a proxy which keeps nothing of a cut request
// costs seconds, large enough that round trips do not count. All lanes share one link and one size.

const KIB = 1024;
const STEP = 256 * KIB;
const SLOW_FLOOR = 1024 * KIB;

export class ChunkSize {
  #cutAt = Number.NEGATIVE_INFINITY;

  /**
   * @param {object} options
   * @param {number} options.start    bytes
   * @param {number} options.ceiling  bytes
   * @param {() => number} [options.now]  ms
   */
  constructor({ start, ceiling, now = () => performance.now() }) {
    this.ceiling = Math.max(STEP, ceiling);
    this.bytes = Math.min(start, this.ceiling);
    this.now = now;
  }

  /**
   * A request went through. Aim: 8 to 12 s each.
   *
   * @param {number} bytes
   * @param {number} ms
   */
  took(bytes, ms) {
    if (ms > 16_000) this.#set(Math.min(this.bytes, Math.max(SLOW_FLOOR, this.bytes / 2)));
    else if (ms < 5000 && bytes >= this.bytes) this.#set(this.bytes * 2);
  }

  /**
   * A request was cut or stalled. One cut of the link fells every lane, and counts once. The body
   * may have been shorter than we allow: half of it is what has to get through next.
   *
   * @param {number} bytes
   */
  cut(bytes) {
    if (this.now() - this.#cutAt < 5000) return;
    this.#cutAt = this.now();
    this.#set(Math.min(this.bytes, bytes) / 2);
  }

  /**
   * A proxy on the way refused a body of this size, and will again.
   *
   * @param {number} bytes
   * @returns {boolean} whether a smaller one can be tried
   */
  refused(bytes) {
    if (bytes <= STEP) return false;
    this.ceiling = Math.max(STEP, Math.min(this.ceiling, round(bytes / 2)));
    this.#set(this.bytes);
    return true;
  }

  /** @param {number} bytes */
  #set(bytes) {
    this.bytes = Math.min(this.ceiling, round(bytes));
  }
}

/** @param {number} bytes */
function round(bytes) {
  return Math.max(STEP, Math.floor(bytes / STEP) * STEP);
}
