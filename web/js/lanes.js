// Decides which file is sent next, a few at a time. A file that the server has, or whose bytes are
// being sent already, is not sent at all.

/** @import {Hasher} from "./hasher.js" */
/** @import {Known} from "./known.js" */
/** @import {Transfer} from "./transfer.js" */
/** @import {Uploads} from "./uploads.js" */
import { SAFE } from "./item.js";
import { Scout } from "./scout.js";

const LANES = 3; // browsers allow six connections, and other requests need some of them
const BIG = 200 * 2 ** 20; // one of these at a time, so that photos overtake videos
const STUCK = 12; // more lanes, for those that take none: they wait for room on the server
const LITTLE = 256 * 1024; // with no more left to send, it is not worth stopping

export class Lanes {
  /** @type {Set<Transfer>} in order */
  #waiting = new Set();
  /** @type {Set<Transfer>} */
  #running = new Set();
  /** @type {Map<string, Transfer>} by SHA-1: the transfer that sends these bytes */
  #bringers = new Map();
  #due = false;
  #uploads;
  #scout;

  /**
   * @param {object} parts
   * @param {Uploads} parts.uploads
   * @param {Hasher} parts.hasher
   * @param {Known | null} parts.known  null: not worth asking
   */
  constructor({ uploads, hasher, known }) {
    this.#uploads = uploads;
    const queue = () => this.#queue();
    const found = this.#found.bind(this);
    this.#scout = new Scout({ hasher, known, queue, found, rate: () => uploads.pace.rate });
  }

  *#queue() {
    yield* this.#running;
    yield* this.#waiting;
  }

  get running() {
    return [...this.#running];
  }

  get #free() {
    const moving = this.running.filter((transfer) => !transfer.stuck);
    return moving.length < LANES && this.#running.size < LANES + STUCK;
  }

  /** Remove and return all waiting transfers. */
  empty() {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    return waiting;
  }

  /** @param {Transfer} transfer */
  add(transfer) {
    this.#waiting.add(transfer);
    const state = this.#uploads.paused ? "paused" : "waiting";
    this.#uploads.change(transfer.item, { state, code: null, mendable: false, reopenable: false });
    // Two thousand may be added in one go.
    if (!this.#due) queueMicrotask(() => this.pump());
    this.#due = true;
  }

  /** @param {Transfer} transfer one that has ended, or that the guest stops */
  drop(transfer) {
    this.#waiting.delete(transfer);
    this.#scout.drop(transfer);
    transfer.stop();
  }

  /** Stop the running transfers; they go first when the guest resumes. */
  pause() {
    for (const transfer of this.#running) transfer.stop();
    this.#waiting = new Set([...this.#running, ...this.#waiting]);
    for (const { item } of this.#waiting)
      this.#uploads.change(item, { state: "paused", flying: 0, code: null, retryAt: null });
  }

  resume() {
    for (const { item } of this.#waiting) this.#uploads.change(item, { state: "waiting" });
    this.pump();
  }

  /** Fill the lanes. */
  pump() {
    this.#due = false;
    this.#settle();
    while (!this.#uploads.paused && !this.#uploads.held && this.#free) {
      const transfer = this.#pick();
      if (!transfer) break;
      this.#waiting.delete(transfer);
      this.#drive(transfer);
    }
    this.#scout.run();
  }

  /** @param {Transfer} transfer */
  async #drive(transfer) {
    this.#running.add(transfer);
    try {
      await transfer.run();
    } catch (error) {
      console.error(error); // a bug of ours: the file must not look as if it were being sent
      const failed = { state: /** @type {const} */ ("failed"), code: "internal", mendable: true };
      this.#uploads.change(transfer.item, failed);
    }
    this.#running.delete(transfer);
    this.pump();
  }

  /** Pick the first that the scout has dealt with; if there is none, simply the first. */
  #pick() {
    let next = null;
    const big = this.running.some((transfer) => isBig(transfer) && !transfer.stuck);
    for (const transfer of this.#waiting) {
      const bringer = this.#bringer(transfer);
      if (bringer && this.#running.has(bringer)) continue;
      if (this.#running.has(transfer) || (big && isBig(transfer))) continue;
      if (transfer.asked || this.#scout.skips(transfer)) return transfer;
      if (!transfer.twin) next ??= transfer;
    }
    return next;
  }

  /** Take out the files whose bytes another one has brought. */
  #settle() {
    for (const transfer of this.#waiting) {
      const bringer = this.#bringer(transfer);
      if (bringer && SAFE.has(bringer.item.state)) this.#known(transfer);
    }
  }

  /**
   * The other transfer that sends the same bytes, or has sent them.
   *
   * @param {Transfer} transfer
   */
  #bringer(transfer) {
    const bringer = this.#bringers.get(transfer.sha1 ?? "");
    return bringer === transfer ? undefined : bringer;
  }

  /**
   * @param {Transfer} transfer
   * @param {boolean} known
   */
  #found(transfer, known) {
    const { twin, sha1, item } = transfer;
    if (sha1 && twin && (known || twin.sha1 === sha1)) {
      this.#uploads.remove(item.id);
      this.#uploads.tell("again", twin.item);
    } else if (known) this.#known(transfer);
    else if (sha1) this.#bring(sha1, transfer);
    this.pump();
  }

  /**
   * @param {string} sha1
   * @param {Transfer} transfer
   */
  #bring(sha1, transfer) {
    const bringer = this.#bringers.get(sha1);
    const lives = bringer && this.#uploads.items.has(bringer.item.id);
    if (!lives || bringer.item.state === "failed") this.#bringers.set(sha1, transfer);
    else if (this.#running.has(transfer) && rest(transfer) > LITTLE) {
      transfer.stop(); // a copy waits until it is clear what becomes of the other
      this.add(transfer);
    }
  }

  /**
   * The server already has the file: stop sending it, unless nearly all of it is sent.
   *
   * @param {Transfer} transfer
   */
  #known(transfer) {
    const { item } = transfer;
    if (SAFE.has(item.state) || item.state === "failed") return;
    if (this.#running.has(transfer) && rest(transfer) <= LITTLE) return;
    this.#uploads.change(item, { state: "duplicate", acked: item.size, flying: 0, code: null });
    if (transfer.begun || item.upload) transfer.terminate().catch(() => {}); // else the server cleans up
  }
}

/** Bytes not yet sent. @param {Transfer} transfer */
function rest({ item }) {
  return item.size - item.acked - item.flying;
}

/** @param {Transfer} transfer */
function isBig({ item }) {
  return item.size > BIG;
}
