// Takes in picked files: refuses those the server would refuse, and recognises known ones.

/** @import {Config, Item, Picked} from "./types.js" */
/** @import {Transfer} from "./transfer.js" */
/** @import {Uploads} from "./uploads.js" */
import { sleep } from "./backoff.js";
import { fingerprint, WHOLE } from "./fingerprint.js";
import { kindOf, nameOf, newItem, SAFE } from "./item.js";
import { newId } from "./session.js";

const SLICE = 30; // ms of work at a time, so that the page stays responsive

export class Intake {
  /** @type {Iterable<Picked>[]} */
  #picks = [];
  #uploads;
  #config;
  #transfers;
  #enqueue;
  #keep;
  #drop;
  #matching = Promise.resolve();

  /**
   * @param {object} parts
   * @param {Uploads} parts.uploads
   * @param {Config} parts.config
   * @param {ReadonlyMap<string, Transfer>} parts.transfers  of every item, by its id
   * @param {(transfer: Transfer) => void} parts.enqueue
   * @param {(transfer: Transfer) => void} parts.keep  remember it over a reload
   * @param {(transfer: Transfer) => unknown} parts.drop
   */
  constructor({ uploads, config, transfers, enqueue, keep, drop }) {
    this.#uploads = uploads;
    this.#config = config;
    this.#transfers = transfers;
    this.#enqueue = enqueue;
    this.#keep = keep;
    this.#drop = drop;
  }

  /**
   * A file with a new size is certainly new; only the others are compared with known files, later
   * and one by one. The files of one pick are all different, so they are not compared.
   *
   * @param {Iterable<Picked>} picked
   */
  add(picked) {
    this.#picks.push(picked);
    if (this.#picks.length === 1) this.#sort();
  }

  /**
   * The same file was picked again, so its transfer goes on.
   *
   * @param {Transfer} transfer
   * @param {Picked} picked
   */
  attach(transfer, { file, handle }) {
    transfer.handle = handle ?? transfer.handle;
    this.#uploads.change(transfer.item, { file, kind: kindOf(file.name, file.type) });
    this.#enqueue(transfer);
  }

  /** In slices: Chromium reads each size from disk, which takes seconds for thousands of files. */
  async #sort() {
    for (let picked = this.#picks[0]; picked; picked = this.#picks[0]) {
      const sizes = this.#bySize();
      let due = performance.now() + SLICE;
      for (const one of picked) {
        const alike = sizes.get(one.file.size);
        if (alike) this.#matching = this.#matching.then(() => this.#match(one, alike));
        else this.#admit(one);
        if (performance.now() < due) continue;
        await sleep(0);
        due = performance.now() + SLICE;
      }
      this.#picks.shift();
    }
  }

  #bySize() {
    /** @type {Map<number, Transfer[]>} */
    const sizes = new Map();
    for (const transfer of this.#transfers.values()) {
      const alike = sizes.get(transfer.item.size);
      if (alike) alike.push(transfer);
      else sizes.set(transfer.item.size, [transfer]);
    }
    return sizes;
  }

  /**
   * @param {Picked} picked
   * @param {Transfer[]} alike
   */
  async #match(picked, alike) {
    const print = await fingerprint(picked.file).catch(() => null);
    const here = alike.filter(({ item }) => this.#transfers.has(item.id));
    const blank = here.find((transfer) => isBlank(transfer, nameOf(picked.file)));
    const [first, ...rest] = print ? await printed(print, here) : [];
    if (first) return this.#again([first, ...rest], picked, blank);
    if (blank) this.#drop(blank);
    this.#admit(picked);
  }

  /**
   * Choose which of the known files it is: one that still needs its file comes first.
   *
   * @param {[Transfer, ...Transfer[]]} same  those with the fingerprint of the picked file
   * @param {Picked} picked
   * @param {Transfer} [blank]
   */
  #again(same, picked, blank) {
    const named = blank?.item.name === nameOf(picked.file) ? blank : null;
    const open = same.find(isOpen) ?? named;
    const safe = same.find(({ item }) => SAFE.has(item.state)) ?? null;
    if (open) return this.attach(Object.assign(open, { twin: safe }), picked);
    const [twin] = same;
    if (picked.file.size <= WHOLE || twin.item.state === "failed")
      this.#uploads.tell("again", twin.item);
    else this.#admit(picked, twin); // its middle may differ, so all of it has to be hashed
  }

  /**
   * @param {Picked} picked
   * @param {Transfer | null} [twin]
   */
  #admit({ file, handle }, twin = null) {
    const name = nameOf(file);
    const code = this.#refusal(name, file.size);
    const known = { id: newId(), file, name, size: file.size, kind: kindOf(name, file.type) };
    const state = /** @type {Item["state"]} */ (code ? "failed" : "waiting");
    this.#uploads.add(newItem({ ...known, state, code }));
    const transfer = this.#transfers.get(known.id);
    if (!transfer) return;
    if (code) return this.#keep(transfer);
    transfer.handle = handle;
    transfer.twin = twin;
    transfer.print = twin?.print ?? null;
    this.#enqueue(transfer);
  }

  /**
   * @param {string} name
   * @param {number} size
   */
  #refusal(name, size) {
    const { maxFileSize, extensions } = this.#config;
    if (!size) return "empty_file";
    if (size > maxFileSize) return "too_large";
    const extension = name.slice(name.lastIndexOf(".")).toLowerCase();
    return !extensions.length || extensions.includes(extension) ? null : "type_not_accepted";
  }
}

/**
 * @param {string} print
 * @param {Transfer[]} transfers  of files of one size
 */
async function printed(print, transfers) {
  const prints = await Promise.all(transfers.map((each) => each.identify().catch(() => null)));
  return transfers.filter((_, index) => prints[index] === print);
}

/** Whether it goes on once its file is picked again. @param {Transfer} transfer */
function isOpen({ item: { state, code, mendable, file } }) {
  const failed = state === "failed" && (mendable || !file);
  return state === "interrupted" || code === "unreadable" || failed;
}

/**
 * Whether a transfer has not begun (it has no fingerprint) and can take a file of its size: any
 * such file if it is only remembered; if its file could not be read, or was refused before a
 * reload, one with the same name.
 *
 * @param {Transfer} transfer
 * @param {string} name  of a file of its size
 */
function isBlank({ print, item }, name) {
  if (print) return false;
  const lost = item.code === "unreadable" || (item.state === "failed" && !item.file);
  return item.state === "interrupted" || (lost && item.name === name);
}
