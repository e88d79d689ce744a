// What comes in from a picker: refuses what the server would refuse, and knows files again.

/** @import {Config, Item, Picked} from "./types.js" */
/** @import {Transfer} from "./transfer.js" */
/** @import {Uploads} from "./uploads.js" */
import { sleep } from "./backoff.js";
import { fingerprint, WHOLE } from "./fingerprint.js";
import { kindOf, nameOf, newItem, SAFE } from "./item.js";
import { newId } from "./session.js";

const SLICE = 30; // ms; the page answers between two

export class Intake {
  /** @type {Iterable<Picked>[]} */
  #picks = [];
  #uploads;
  #config;
  #transfers;
  #enqueue;
  #drop;
  #matching = Promise.resolve();

  /**
   * @param {object} parts
   * @param {Uploads} parts.uploads
   * @param {Config} parts.config
   * @param {ReadonlyMap<string, Transfer>} parts.transfers  of every item there is
   * @param {(transfer: Transfer) => void} parts.enqueue
   * @param {(transfer: Transfer) => unknown} parts.drop
   */
  constructor({ uploads, config, transfers, enqueue, drop }) {
    this.#uploads = uploads;
    this.#config = config;
    this.#transfers = transfers;
    this.#enqueue = enqueue;
    this.#drop = drop;
  }

  /**
   * A file of another size than any before is new for certain; only the others are looked into,
   * later and one by one. Within one pick no file comes twice.
   *
   * @param {Iterable<Picked>} picked
   */
  add(picked) {
    this.#picks.push(picked);
    if (this.#picks.length === 1) this.#sort();
  }

  /**
   * The same file is there again, and its transfer goes on.
   *
   * @param {Transfer} transfer
   * @param {Picked} picked
   */
  attach(transfer, { file, handle }) {
    transfer.handle = handle ?? transfer.handle;
    this.#uploads.change(transfer.item, { file, kind: kindOf(file.name, file.type) });
    this.#enqueue(transfer);
  }

  /** Not in one go: Chromium looks at the disk for each size, which takes seconds for thousands. */
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
   * Which of them it is: one that waits for its file before one that needs it no more.
   *
   * @param {[Transfer, ...Transfer[]]} same  with the fingerprint of what was picked
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
    else this.#admit(picked, twin); // its middle may differ: all of it has to be looked at
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
    if (code || !transfer) return;
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

/** It goes on once its file is there again. @param {Transfer} transfer */
function isOpen({ item: { state, code, mendable } }) {
  return state === "interrupted" || code === "unreadable" || (state === "failed" && mendable);
}

/**
 * Without a fingerprint it had not begun. Of one that is remembered only, any file of its size is as
 * good; one that could not be read keeps its complaint until the file it names is there again.
 *
 * @param {Transfer} transfer
 * @param {string} name  of a file of its size
 */
function isBlank({ print, item }, name) {
  if (print) return false;
  return item.state === "interrupted" || (item.code === "unreadable" && item.name === name);
}
