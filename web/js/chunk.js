// How many bytes go into one request: few enough that a proxy that discards an interrupted request
// costs only seconds, many enough that round trips do not matter. All lanes share one network link,
// and so one size.

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
   * A request succeeded. The aim is 8 to 12 s for each.
   *
   * @param {number} bytes
   * @param {number} ms
   */
  took(bytes, ms) {
    if (ms > 16_000) this.#set(Math.min(this.bytes, Math.max(SLOW_FLOOR, this.bytes / 2)));
    else if (ms < 5000 && bytes >= this.bytes) this.#set(this.bytes * 2);
  }

  /**
   * A request was interrupted or stalled. A failure of the link hits every lane, but counts once.
   * The body may have been shorter than the current size, so half of the body's size comes next.
   *
   * @param {number} bytes
   */
  cut(bytes) {
    if (this.now() - this.#cutAt < 5000) return;
    this.#cutAt = this.now();
    this.#set(Math.min(this.bytes, bytes) / 2);
  }

  /**
   * A proxy on the way refused a body of this size, and will refuse it again.
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
