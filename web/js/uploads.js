// The only store: every file the guest chose, and what the server reports about it.
// The events `add`, `change`, `remove` and `again` have the Item in `detail`; `again` means that a
// file on the list was picked once more.

/** @import {Item, ServerUpload, Summary} from "./types.js" */
import { newItem, SAFE } from "./item.js";
import { Pace } from "./pace.js";

export class Uploads extends EventTarget {
  /** @type {Map<string, Item>} */
  #items = new Map();
  /** @type {Set<string>} ids that the guest removed and the server may still report */
  #removed = new Set();

  /** The guest paused. */
  paused = false;

  /** Nothing is sent before the guest gives a name. */
  held = false;

  /** @param {{now?: () => number}} [options] `now` in ms, monotonic */
  constructor({ now } = {}) {
    super();
    this.pace = new Pace(now);
  }

  /** @returns {ReadonlyMap<string, Item>} in the order they were added */
  get items() {
    return this.#items;
  }

  /** @param {Item} item */
  add(item) {
    this.#removed.delete(item.id);
    this.#items.set(item.id, item);
    this.tell("add", item);
    return item;
  }

  /**
   * @param {Item} item
   * @param {Partial<Item>} patch
   */
  change(item, patch) {
    if (this.#items.get(item.id) !== item) return;
    this.#measure(item, patch);
    Object.assign(item, patch);
    this.tell("change", item);
  }

  /** @param {string} id */
  remove(id) {
    const item = this.#items.get(id);
    this.#removed.add(id);
    if (this.#items.delete(id) && item) this.tell("remove", item);
  }

  /**
   * Apply a report of the server: a snapshot, or one upload. Each has the whole state, so late or
   * lost messages do no harm.
   *
   * @param {ServerUpload | ServerUpload[]} told
   */
  apply(told) {
    if (Array.isArray(told)) return this.#applyAll(told);
    const id = told.item ?? told.id;
    if (this.#removed.has(id)) return;
    const item = this.#items.get(id);
    if (item) this.change(item, { upload: told.id, ...this.#merge(item, told) });
    else this.add(remembered(id, told));
  }

  /** @param {ServerUpload[]} snapshot every upload of the session */
  #applyAll(snapshot) {
    for (const upload of snapshot) this.apply(upload);
    const told = new Set(snapshot.map(({ item, id }) => item ?? id));
    // Remembered from days ago, but the server has forgotten it: there will be no more news of it.
    for (const { id, file, state } of this.#items.values())
      if (!file && state === "received" && !told.has(id)) this.remove(id);
  }

  /** @returns {Summary} */
  summary() {
    const sum = {
      count: this.#items.size,
      photos: 0,
      videos: 0,
      done: 0,
      duplicates: 0,
      safe: 0,
      failed: 0,
      interrupted: 0,
      active: 0,
      offline: 0,
      pending: 0,
      bytes: 0,
      acked: 0,
    };
    for (const item of this.#items.values()) count(sum, item);
    const { offline, pending, ...rest } = sum;
    const phase = this.#phase(sum);
    const rate = phase === "uploading" ? this.pace.rate : null;
    const code = phase === "offline" ? this.#reason() : null;
    return { ...rest, phase, code, eta: rate && (sum.bytes - sum.acked) / rate };
  }

  /** The server's code for why files wait; null if it gave none for one of them. */
  #reason() {
    let reason = null;
    for (const { state, code } of this.#items.values()) {
      if (state !== "offline") continue;
      if (!code) return null;
      reason ??= code;
    }
    return reason;
  }

  /**
   * @param {"add" | "change" | "remove" | "again"} type
   * @param {Item} item
   */
  tell(type, item) {
    this.dispatchEvent(new CustomEvent(type, { detail: item }));
  }

  /**
   * @param {Tally} sum
   * @returns {Summary["phase"]}
   */
  #phase(sum) {
    if (!sum.count) return "empty";
    if (this.held && sum.pending) return "held";
    if (this.paused && sum.pending) return "paused";
    if (sum.active) return "uploading";
    if (sum.offline) return "offline";
    if (sum.pending) return "uploading";
    if (sum.failed || sum.interrupted) return "attention";
    return sum.done < sum.count ? "delivering" : "done";
  }

  /**
   * Measures only bytes that were just sent, not those reported by a HEAD or a snapshot.
   *
   * @param {Item} item
   * @param {Partial<Item>} patch
   */
  #measure(item, { state = item.state, acked = item.acked }) {
    if (state === "uploading") this.pace.start();
    const ours = item.state === "uploading" && (state === "uploading" || state === "received");
    if (ours && acked > item.acked) this.pace.add(acked - item.acked);
  }

  /**
   * @param {Item} item
   * @param {ServerUpload} told
   * @returns {Partial<Item>}
   */
  #merge(item, told) {
    if (told.state !== "receiving") return settled(told, item.size);
    if (SAFE.has(item.state) || item.state === "failed") return {};
    if (item.state !== "uploading") return { acked: told.offset };
    const acked = Math.max(item.acked, Math.min(told.offset, item.size));
    return { acked, flying: Math.max(0, item.acked + item.flying - acked) };
  }
}

/**
 * @param {ServerUpload} told
 * @param {number} size
 * @returns {Partial<Item>}
 */
function settled({ state, sent, code, retryAt }, size) {
  return {
    state: /** @type {Item["state"]} */ (state),
    acked: size,
    flying: 0,
    sent,
    code,
    mendable: state === "failed" && code !== "immich_type_refused",
    retryAt: retryAt ? Date.parse(retryAt) : null,
  };
}

/**
 * A file of this session that this page does not know: from before a reload.
 *
 * @param {string} id
 * @param {ServerUpload} told
 */
function remembered(id, told) {
  const size = told.length ?? told.offset;
  const item = newItem({ id, name: told.name, size, upload: told.id, state: "interrupted" });
  const patch = told.state === "receiving" ? { acked: told.offset } : settled(told, size);
  return Object.assign(item, patch);
}

/** @typedef {Omit<Summary, "phase" | "code" | "eta"> & {offline: number, pending: number}} Tally */

/**
 * @param {Tally} sum
 * @param {Item} item
 */
function count(sum, item) {
  if (item.state === "failed") {
    sum.failed++;
    return;
  }
  sum.bytes += item.size;
  sum.acked += item.acked;
  if (item.state === "interrupted") sum.interrupted++;
  else if (SAFE.has(item.state)) settle(sum, item);
  else {
    sum.pending++;
    if (item.state === "uploading") sum.active++;
    if (item.state === "offline") sum.offline++;
  }
}

/**
 * @param {Tally} sum
 * @param {Item} item
 */
function settle(sum, item) {
  sum.safe++;
  if (item.state === "received") return;
  sum.done++;
  if (item.state === "duplicate") sum.duplicates++;
  if (item.kind === "photo") sum.photos++;
  if (item.kind === "video") sum.videos++;
}
