// The rate of confirmed bytes, as an exponential average over about 15 s.

const TAU = 15_000;
const UNSURE = 5000;
const STALLED = 30_000;

export class Pace {
  #sum = 0;
  #since = 0;
  #at = 0;
  #last = Number.NEGATIVE_INFINITY;

  /** @param {() => number} [now] ms */
  constructor(now = () => performance.now()) {
    this.now = now;
  }

  /** Something is being sent, so time counts. After a long silence the measurement starts anew. */
  start() {
    const now = this.now();
    if (now - this.#last < STALLED) return;
    this.#sum = 0;
    this.#since = this.#at = this.#last = now;
  }

  /** @param {number} bytes confirmed just now */
  add(bytes) {
    this.start();
    const now = this.now();
    this.#sum = this.#sum * Math.exp((this.#at - now) / TAU) + bytes;
    this.#at = this.#last = now;
  }

  /** Bytes per second, or null while it is unknown. */
  get rate() {
    const now = this.now();
    const age = now - this.#since;
    if (age < UNSURE || now - this.#last > STALLED || !this.#sum) return null;
    const sum = this.#sum * Math.exp((this.#at - now) / TAU);
    return (sum * 1000) / TAU / (1 - Math.exp(-age / TAU));
  }
}
