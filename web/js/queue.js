// The guest's commands, and what is remembered of each file.

/** @import {Gear} from "./transfer.js" */
/** @import {Hasher} from "./hasher.js" */
/** @import {Item, Commands, Config} from "./types.js" */
/** @import {Known} from "./known.js" */
/** @import {Journal, Memo} from "./journal.js" */
import { fingerprint } from "./fingerprint.js";
import { Intake } from "./intake.js";
import { isShut, newItem, SAFE } from "./item.js";
import { Lanes } from "./lanes.js";
import { Transfer } from "./transfer.js";
import { Refusal } from "./tus.js";

/**
 * The commands are arrow functions, because the page passes them on one by one.
 *
 * @implements {Commands}
 */
export class Queue {
  /** @type {Map<string, Transfer>} of every item, by its id */
  #transfers = new Map();
  #uploads;
  /** @type {Gear} */
  #gear;
  #journal;
  #nameRequired;
  #redeliver;
  #resync;
  #lanes;
  #intake;

  /**
   * @param {object} parts
   * @param {Omit<Gear, "keep" | "guest">} parts.gear
   * @param {Journal} parts.journal
   * @param {Hasher} parts.hasher
   * @param {Known | null} parts.known  null: not worth asking
   * @param {Config} parts.config
   * @param {(upload: string) => Promise<boolean>} parts.redeliver  ask the server to try Immich again
   * @param {() => void} parts.resync  make the server send a snapshot
   */
  constructor({ gear, journal, hasher, known, config, redeliver, resync }) {
    const { uploads } = gear;
    this.#uploads = uploads;
    this.#gear = { ...gear, guest: "", keep: this.#keep.bind(this) };
    this.#nameRequired = config.guestName === "required";
    uploads.held = this.#nameRequired;
    this.#journal = journal;
    this.#redeliver = redeliver;
    this.#resync = resync;
    this.#lanes = new Lanes({ uploads, hasher, known });
    this.#intake = new Intake({
      uploads,
      config,
      transfers: this.#transfers,
      enqueue: this.#enqueue.bind(this),
      keep: this.#gear.keep,
      drop: this.#drop.bind(this),
    });
    this.#listen("add", this.#added);
    this.#listen("change", this.#changed);
    this.#listen("remove", this.#removed);
  }

  /** @param {Memo[]} memos what was remembered before a reload */
  restore(memos) {
    for (const { id, name, size, kind, state, print, sha1, handle, code = null } of memos) {
      if (state === "removed") this.#uploads.remove(id);
      if (state === "removed" || (state === "failed" && !code)) continue; // the server reports these
      const failed = state === "failed";
      const stands =
        failed || SAFE.has(state)
          ? { state, code, acked: failed ? 0 : size }
          : { state: /** @type {const} */ ("interrupted"), reopenable: Boolean(handle) };
      this.#uploads.add(newItem({ id, name, size, kind, ...stands }));
      Object.assign(this.#transfers.get(id) ?? {}, { print, sha1, handle, kept: state });
    }
  }

  /** @type {Commands["add"]} */
  add = (picked) => {
    this.#intake.add(picked);
  };

  /** @type {Commands["introduce"]} */
  introduce = (name) => {
    this.#gear.guest = name;
    this.#uploads.held = this.#nameRequired && !name;
    this.#lanes.pump();
  };

  pause = () => {
    this.#uploads.paused = true;
    this.#lanes.pause();
  };

  resume = () => {
    this.#uploads.paused = false;
    this.#lanes.resume();
  };

  /** @type {Commands["remove"]} */
  remove = (id) => {
    const transfer = this.#transfers.get(id);
    if (transfer) this.#drop(transfer);
    this.#endPause();
  };

  cancelAll = () => {
    for (const transfer of this.#transfers.values())
      if (!SAFE.has(transfer.item.state)) this.#drop(transfer);
    this.#endPause();
  };

  /** @type {Commands["retry"]} */
  retry = (id) => {
    const transfer = this.#transfers.get(id);
    if (transfer?.item.state !== "failed") return;
    if (arrived(transfer.item)) this.#deliver(transfer.item);
    else if (transfer.item.file) this.#enqueue(transfer);
  };

  retryAll = () => {
    for (const { id, mendable } of this.#uploads.items.values()) if (mendable) this.retry(id);
  };

  nudge = () => {
    for (const transfer of this.#lanes.running) transfer.nudge();
    this.#lanes.pump();
  };

  reopen = async () => {
    for (const transfer of this.#transfers.values()) {
      const { item, handle } = transfer;
      if (item.state !== "interrupted" || !handle) continue;
      const file = await open(handle);
      const print = file && (await fingerprint(file).catch(() => null));
      const same = transfer.print ? print === transfer.print : file?.size === item.size;
      if (file && same) this.#intake.attach(transfer, { file, handle });
      else this.#uploads.change(item, { reopenable: false });
    }
  };

  /** Another connection recovered, so these may recover too. */
  wake() {
    for (const transfer of this.#lanes.running) transfer.wake();
  }

  /**
   * Another connection was cut, so these may be too. Chromium can hide that: if a reused connection
   * fails, it repeats the whole request by itself, with an offset that the server has passed.
   */
  doubt() {
    for (const transfer of this.#lanes.running) transfer.doubt();
  }

  /** With nothing left that could go on, what is picked next is sent. */
  #endPause() {
    const { paused, items } = this.#uploads;
    if (paused && ![...items.values()].some(({ state }) => state === "paused")) this.resume();
  }

  /** @param {Transfer} transfer */
  #enqueue(transfer) {
    this.#lanes.add(transfer);
    this.#keep(transfer);
  }

  /**
   * Forget it, here and on the server.
   *
   * @param {Transfer} transfer
   */
  async #drop(transfer) {
    const { item } = transfer;
    const open = item.state !== "interrupted" && item.state !== "failed";
    const there = item.upload || (transfer.begun && open);
    const whole = SAFE.has(item.state) || arrived(item);
    this.#uploads.remove(item.id);
    if (!there || whole) return;
    try {
      await transfer.terminate();
    } catch (error) {
      // Too late: the server has all of it, and the guest has to see that.
      if (!(error instanceof Refusal && error.kind === "conflict")) return;
      this.#uploads.add({ ...item, state: "received", acked: item.size, flying: 0 });
      this.#resync();
    }
  }

  /** @param {Item} item */
  async #deliver(item) {
    const { state, code, mendable } = item;
    this.#uploads.change(item, { state: "received", code: null, mendable: false });
    const asked = await this.#redeliver(item.upload ?? "");
    if (!asked) this.#uploads.change(item, { state, code, mendable });
  }

  /**
   * @param {"add" | "change" | "remove"} type
   * @param {(item: Item) => void} react
   */
  #listen(type, react) {
    this.#uploads.addEventListener(type, (event) =>
      react.call(this, /** @type {CustomEvent<Item>} */ (event).detail),
    );
  }

  /** @param {Item} item */
  #added(item) {
    this.#transfers.set(item.id, new Transfer(item, this.#gear));
  }

  /** @param {Item} item */
  #changed(item) {
    const transfer = this.#transfers.get(item.id);
    if (transfer?.stuck) this.#lanes.pump(); // others may fit
    if (!transfer || !(SAFE.has(item.state) || item.state === "failed")) return;
    this.#lanes.drop(transfer);
    if (transfer.kept !== item.state) this.#keep(transfer);
    const { state, code, mendable } = item;
    if (state === "failed" && arrived(item)) this.#disown(transfer);
    if (state === "failed" && (code === "session_full" || isShut(code)))
      for (const { item } of this.#lanes.empty())
        this.#uploads.change(item, { state, code, mendable });
  }

  /**
   * Copies of this file were not sent because of it; if Immich refuses it, it does not have them
   * either.
   *
   * @param {Transfer} refused
   */
  #disown({ sha1, item: { code, mendable } }) {
    for (const copy of this.#transfers.values()) {
      const { state, upload, file } = copy.item;
      if (state !== "duplicate" || upload || !sha1 || copy.sha1 !== sha1) continue;
      const mend = mendable && file !== null;
      this.#uploads.change(copy.item, { state: "failed", code, mendable: mend });
    }
  }

  /** @param {Item} item */
  #removed(item) {
    const transfer = this.#transfers.get(item.id);
    this.#transfers.delete(item.id);
    if (!transfer) return;
    this.#lanes.drop(transfer);
    this.#keep(transfer, "removed");
  }

  /**
   * @param {Transfer} transfer
   * @param {Memo["state"]} [state]
   */
  #keep(transfer, state = transfer.item.state) {
    const { item, print, sha1, handle } = transfer;
    const { id, name, size, kind, code } = item;
    const session = this.#gear.session;
    transfer.kept = state;
    if (code === "unreadable" || (state === "failed" && isShut(code))) state = "interrupted";
    this.#journal.put({
      id,
      session,
      name,
      size,
      kind,
      state,
      print,
      sha1,
      handle,
      code: arrived(item) ? null : code, // the server remembers
      at: Date.now(),
    });
  }
}

/**
 * Whether the server has all of it, so that only the delivery to Immich failed.
 *
 * @param {Item} item
 */
function arrived({ upload, acked, size }) {
  return Boolean(upload) && acked === size;
}

/**
 * @param {FileSystemFileHandle} handle
 * @returns {Promise<File | null>}
 */
async function open(handle) {
  try {
    // Not in the standard yet, and not in TypeScript: https://wicg.github.io/file-system-access/
    const may = await /** @type {any} */ (handle).requestPermission({ mode: "read" });
    return may === "granted" ? await handle.getFile() : null;
  } catch {
    return null; // moved, deleted, or asked without a tap
  }
}
