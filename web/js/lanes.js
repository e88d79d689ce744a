// Who goes next. A few files at a time; one that is known, or on its way already, does not go at all.

/** @import {Hasher} from "./hasher.js" */
/** @import {Known} from "./known.js" */
/** @import {Transfer} from "./transfer.js" */
/** @import {Uploads} from "./uploads.js" */
import { WHOLE } from "./fingerprint.js";
import { SAFE } from "./item.js";
import { Scout } from "./scout.js";

const LANES = 3; // browsers allow six connections, and the questions need some
const BIG = 200 * 2 ** 20; // one of these at a time, so that photos overtake videos

export class Lanes {
  /** @type {Set<Transfer>} in order */
  #waiting = new Set();
  /** @type {Set<Transfer>} */
  #running = new Set();
  /** @type {Map<string, Transfer>} by SHA-1: who brings these bytes */
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

  /** None of those that wait will go. */
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

  /** @param {Transfer} transfer it is at its end, or the guest stops it */
  drop(transfer) {
    this.#waiting.delete(transfer);
    this.#scout.drop(transfer);
    transfer.stop();
  }

  /** What runs stops and goes first when the guest comes back. */
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
    while (!this.#uploads.paused && !this.#uploads.held && this.#running.size < LANES) {
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
      console.error(error); // a fault of ours: the file must not look as if it were on its way
      const failed = { state: /** @type {const} */ ("failed"), code: "internal", mendable: true };
      this.#uploads.change(transfer.item, failed);
    }
    this.#running.delete(transfer);
    this.pump();
  }

  /** The first that is looked into; while none is, the first. */
  #pick() {
    let next = null;
    const big = this.running.some(isBig);
    for (const transfer of this.#waiting) {
      if (this.#running.has(transfer) || (big && isBig(transfer)) || this.#isCopy(transfer))
        continue;
      if (transfer.asked || this.#scout.skips(transfer)) return transfer;
      if (!transfer.twin) next ??= transfer;
    }
    return next;
  }

  /**
   * The same bytes are on their way, or there.
   *
   * @param {Transfer} transfer
   */
  #isCopy(transfer) {
    const bringer = this.#bringers.get(transfer.sha1 ?? "");
    if (!bringer || bringer === transfer) return false;
    if (SAFE.has(bringer.item.state)) this.#known(transfer);
    return this.#running.has(bringer) || SAFE.has(bringer.item.state);
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
    else if (this.#running.has(transfer) && rest(transfer) > WHOLE) {
      transfer.stop(); // a copy waits for what becomes of the other
      this.add(transfer);
    }
  }

  /**
   * The server has it: not a byte more, unless nearly all are sent.
   *
   * @param {Transfer} transfer
   */
  #known(transfer) {
    const { item } = transfer;
    if (SAFE.has(item.state) || item.state === "failed") return;
    if (this.#running.has(transfer) && rest(transfer) < WHOLE) return;
    this.#uploads.change(item, { state: "duplicate", acked: item.size, flying: 0, code: null });
    if (transfer.begun || item.upload) transfer.terminate().catch(() => {}); // the server cleans up by itself, too
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
