// Sends one file to the server. There are three ends: the file is received, it cannot be received,
// or the guest stops it. After anything else, the transfer asks for the offset and goes on.

/** @import {ChunkSize} from "./chunk.js" */
/** @import {Item} from "./types.js" */
/** @import {Tus, Watch} from "./tus.js" */
/** @import {Uploads} from "./uploads.js" */
import { Backoff, sleep } from "./backoff.js";
import { checksumOf, fingerprint } from "./fingerprint.js";
import { isClosed, SAFE } from "./item.js";
import { read, readable, Unreadable } from "./source.js";
import { Refusal } from "./tus.js";

const STALE = 5000; // ms without progress after which a nudge replaces a connection
const RESTARTS = 2;
const FAREWELLS = 20; // tries to delete an upload, over some minutes; then the server does it
// ms from aborting a request until the server is told: it then closes that connection, and Chromium
// would repeat, on another one, what it does not know yet to be aborted
const PARTING = 300;
const FRAME = 100; // ms between two reports to the page: WebKit fires one for every 8 KiB

/**
 * What all transfers share.
 *
 * @typedef {object} Gear
 * @property {Uploads} uploads
 * @property {Tus} tus
 * @property {ChunkSize} chunk
 * @property {string} session
 * @property {string} guest      the guest's name; may be empty
 * @property {boolean} buffered  read each chunk into memory before it is sent
 * @property {() => number} random
 * @property {() => void} recovered  called when bytes get through after a failure
 * @property {(transfer: Transfer) => void} keep  remember it over a reload
 */

export class Transfer {
  /** @type {FileSystemFileHandle | null} */
  handle = null;
  /** @type {string | null} fingerprint */
  print = null;
  /** @type {string | null} SHA-1, hex */
  sha1 = null;
  /** @type {Transfer | null} a lookalike: checksums are compared before a lane takes this one */
  twin = null;
  /** The checksum is known, or cannot be computed. */
  checked = false;
  /** The server was asked whether it knows the checksum. */
  asked = false;
  /** The server may know the upload, and have some of its bytes. */
  begun;
  /** @type {string} the state that is remembered over a reload */
  kept = "";

  #gear;
  #backoff;
  /** @type {number | null} the server's offset; null: it has to be asked */
  #offset = null;
  #restarts = 0;
  #life = new AbortController();
  #attempt = new AbortController();
  #asleep = false;
  /** @type {number | null} the confirmed bytes when the connection was doubted last */
  #doubted = null;
  #progressAt = 0;
  #shownAt = 0;

  /**
   * @param {Item} item
   * @param {Gear} gear
   */
  constructor(item, gear) {
    this.item = item;
    this.#gear = gear;
    this.begun = item.state !== "waiting";
    this.#backoff = new Backoff({ random: gear.random });
  }

  /** Send until one of the three ends. */
  async run() {
    this.#life = new AbortController();
    this.#offset = null;
    this.#restarts = 0;
    this.#change({ state: "uploading", code: null, retryAt: null });
    while (!this.#over) {
      this.#attempt = new AbortController();
      this.#progressAt = performance.now();
      try {
        await this.#step();
      } catch (error) {
        if (!this.#over) await this.#mend(error);
      }
    }
  }

  /** Stop: the guest wants it, or the file need not be sent any more. */
  stop() {
    this.#life.abort();
    this.#attempt.abort();
  }

  /**
   * The network may be back: end a wait, and replace a connection without progress.
   *
   * @param {number} [still]  ms without progress
   */
  nudge(still = STALE) {
    this.#backoff.reset();
    if (this.#asleep || performance.now() - this.#progressAt >= still) this.#attempt.abort();
  }

  /** Another connection recovered: end a wait, if only the network was the reason for it. */
  wake() {
    if (this.#asleep && this.item.code === null) this.#attempt.abort();
  }

  /**
   * Another connection was cut, so this one may be too: replace it, but only once until the server
   * has confirmed more bytes. Otherwise a request through a proxy that buffers it whole might never
   * be finished.
   */
  doubt() {
    const gained = this.item.acked !== this.#doubted;
    this.#doubted = this.item.acked;
    this.nudge(gained ? 0 : Number.POSITIVE_INFINITY);
  }

  /** It waits for room on the server, where smaller ones may still fit. */
  get stuck() {
    return this.#asleep && this.item.code === "disk_full";
  }

  /** @returns {Promise<string>} */
  async identify() {
    if (this.print) return this.print;
    const print = await fingerprint(this.#file);
    this.print = print;
    this.sha1 ??= checksumOf(print);
    this.#gear.keep(this);
    return print;
  }

  /**
   * Delete the upload on the server. Rejects with a Refusal when it is too late for that, or when
   * the network does not come back.
   */
  async terminate() {
    const backoff = new Backoff({ random: this.#gear.random });
    let id = this.item.upload;
    await sleep(PARTING);
    for (let tries = FAREWELLS; ; tries--)
      try {
        // The answer to the creation may have been lost; creating the same item again returns the
        // same upload.
        id ??= (await this.#create(null)).id;
        return await this.#gear.tus.terminate(id);
      } catch (error) {
        if (!(error instanceof Refusal) || !tries) throw error;
        if (error.kind !== "network" && error.kind !== "wait") throw error;
        await sleep(Math.max(error.after, backoff.next()));
      }
  }

  get #over() {
    const { state } = this.item;
    return this.#life.signal.aborted || SAFE.has(state) || state === "failed";
  }

  get #file() {
    if (!this.item.file) throw new Unreadable();
    return this.item.file;
  }

  /** @param {Partial<Item>} patch */
  #change(patch) {
    this.#gear.uploads.change(this.item, patch);
  }

  async #step() {
    if (!this.print) await read(() => this.identify(), this.#attempt.signal);
    const { upload, size } = this.item;
    const signal = this.#attempt.signal;
    if (!upload) await this.#begin();
    else if (this.#offset !== null) await this.#append(upload, this.#offset);
    else this.#confirm(await this.#gear.tus.offset(upload, size, { signal }));
  }

  async #begin() {
    const body = this.begun ? null : await this.#slice(0);
    this.begun = true;
    const { id, offset } = await this.#timed(0, body, (watch) => this.#create(body, watch));
    this.#change({ upload: id });
    this.#confirm(offset);
  }

  /**
   * @param {string} id
   * @param {number} offset
   */
  async #append(id, offset) {
    const { size } = this.item;
    const { tus } = this.#gear;
    const body = await this.#slice(offset);
    const append = (/** @type {Watch} */ watch) => tus.append(id, offset, size, body, watch);
    this.#confirm(await this.#timed(offset, body, append));
  }

  /**
   * @param {Blob | ArrayBuffer | null} body
   * @param {Watch} [watch]
   */
  #create(body, watch) {
    const { name, size, id, file } = this.item;
    const metadata = {
      filename: name,
      filetype: file?.type ?? "",
      lastModified: String(file?.lastModified ?? ""),
      session: this.#gear.session,
      guest: this.#gear.guest,
      item: id,
      sha1: this.sha1 ?? "",
    };
    return this.#gear.tus.create(size, metadata, body, watch);
  }

  /**
   * Send a body, report its progress, and adapt the size of the next one.
   *
   * @template T
   * @param {number} offset
   * @param {Blob | ArrayBuffer | null} body
   * @param {(watch: Watch) => Promise<T>} send
   */
  async #timed(offset, body, send) {
    const started = performance.now();
    const bytes = body instanceof Blob ? body.size : (body?.byteLength ?? 0);
    const signal = this.#attempt.signal;
    const onprogress = (/** @type {number} */ loaded) =>
      this.#fly(offset + loaded, loaded === bytes);
    try {
      const answer = await send({ signal, onprogress });
      this.#gear.chunk.took(bytes, performance.now() - started);
      return answer;
    } catch (error) {
      if (bytes && error instanceof Refusal) this.#resize(error, bytes);
      throw error;
    }
  }

  /**
   * @param {Refusal} error
   * @param {number} bytes
   */
  #resize(error, bytes) {
    if (error.kind === "network") this.#gear.chunk.cut(bytes);
    if (error.kind === "shrink" && !this.#gear.chunk.refused(bytes)) error.kind = "network";
  }

  /**
   * @param {number} reached  bytes of the file that are confirmed or handed to the network
   * @param {boolean} last    this is the last report of the request
   */
  #fly(reached, last) {
    const now = performance.now();
    this.#progressAt = now;
    if (now - this.#shownAt < FRAME && !last) return;
    this.#shownAt = now;
    this.#change({ state: "uploading", flying: Math.max(0, reached - this.item.acked) });
  }

  /** @param {number} offset as the server has reported it */
  #confirm(offset) {
    if (offset > this.item.acked) {
      if (this.#backoff.failing) this.#gear.recovered();
      this.#backoff.reset();
    }
    this.#offset = offset;
    if (SAFE.has(this.item.state)) return;
    const going = this.#over ? this.item.state : "uploading"; // the guest may just have paused
    const state = offset === this.item.size ? "received" : going;
    this.#change({ state, acked: offset, flying: 0, code: null, retryAt: null });
  }

  /** @param {number} start */
  #slice(start) {
    const slice = this.#file.slice(start, start + this.#gear.chunk.bytes);
    return this.#gear.buffered ? read(() => slice.arrayBuffer(), this.#attempt.signal) : slice;
  }

  /**
   * Handle an error: fail, or prepare the next step.
   *
   * @param {unknown} error
   */
  async #mend(error) {
    if (error instanceof Unreadable) return this.#fail("unreadable");
    if (!(error instanceof Refusal)) throw error;
    const { kind, code } = error;
    this.#offset = null;
    // After a closed link a retry may help: the host may open it while this page has the files.
    if (kind === "refused") return this.#fail(code ?? "bad_request", isClosed(code));
    if (kind === "mismatch" && this.#restarts++ === RESTARTS) return this.#fail(code, true);
    if (kind === "gone") this.#change({ upload: null });
    if (kind === "network" && !(await readable(this.#file, this.#attempt.signal)))
      return this.#fail("unreadable");
    if (kind === "shrink" || this.#attempt.signal.aborted) return;
    await this.#wait(Math.max(error.after, this.#backoff.next()), code);
  }

  /**
   * @param {number} ms
   * @param {string | null} code
   */
  async #wait(ms, code) {
    this.#asleep = true;
    this.#change({ state: "offline", flying: 0, code, retryAt: Date.now() + ms });
    await sleep(ms, this.#attempt.signal);
    this.#asleep = false;
    this.#change({ retryAt: null });
  }

  /**
   * @param {string | null} code
   * @param {boolean} [mendable]
   */
  #fail(code, mendable = false) {
    this.#change({ state: "failed", flying: 0, code, mendable });
  }
}
