// Runs ahead of the lanes: computes the checksums of waiting files, and asks the server whether it
// has them. A file that it already has costs a hash, not a transfer. Lanes never wait for this.

/** @import {Hasher} from "./hasher.js" */
/** @import {Known} from "./known.js" */
/** @import {Transfer} from "./transfer.js" */
import { WHOLE } from "./fingerprint.js";

const AHEAD = { files: 20, bytes: 2 ** 30 };
const BIG = 64 * 2 ** 20;
const FAST = 20 * 2 ** 20; // bytes per second at which a big file is sent sooner than hashed

export class Scout {
  #hasher;
  #known;
  #queue;
  #found;
  #rate;
  /** @type {Transfer | null} */
  #current = null;

  /**
   * @param {object} options
   * @param {Hasher} options.hasher
   * @param {Known | null} options.known  null: not worth asking
   * @param {() => Iterable<Transfer>} options.queue  running transfers, then waiting ones, in order
   * @param {(transfer: Transfer, known: boolean) => void} options.found
   * @param {() => number | null} options.rate  bytes per second
   */
  constructor({ hasher, known, queue, found, rate }) {
    this.#hasher = hasher;
    this.#known = known;
    this.#queue = queue;
    this.#found = found;
    this.#rate = rate;
  }

  /** Continue with the next file, if there is one and none is being hashed. */
  async run() {
    if (this.#current) return;
    this.#current = this.#next();
    while (this.#current) {
      await this.#examine(this.#current);
      this.#current = this.#next();
    }
  }

  /** @param {Transfer} transfer one whose checksum is not needed any more */
  drop(transfer) {
    if (this.#current === transfer) this.#hasher.cancel();
  }

  /** @param {Transfer} transfer */
  skips({ item, twin }) {
    if (twin) return false;
    return item.size <= WHOLE || (item.size > BIG && (this.#rate() ?? 0) > FAST);
  }

  #next() {
    let { files, bytes } = AHEAD;
    for (const transfer of this.#queue()) {
      const { checked, item } = transfer;
      if (!checked && !this.skips(transfer)) return transfer;
      if (checked && item.state === "waiting") {
        files--;
        bytes -= item.size;
      }
      if (files <= 0 || bytes <= 0) return null;
    }
    return null;
  }

  /** @param {Transfer} transfer */
  async #examine(transfer) {
    const { file } = transfer.item;
    transfer.sha1 ??= file && (await this.#hasher.sha1(file));
    transfer.checked = true;
    // The next file is hashed while the server is asked about this one.
    this.#ask(transfer);
  }

  /** @param {Transfer} transfer */
  async #ask(transfer) {
    const known = Boolean(transfer.sha1 && (await this.#known?.ask(transfer.sha1)));
    transfer.asked = true;
    this.#found(transfer, known);
  }
}
