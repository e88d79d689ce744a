// A guest's page without a page: the engine on a real server.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { ChunkSize } from "../../../web/js/chunk.js";
import { Hasher } from "../../../web/js/hasher.js";
import { sender } from "../../../web/js/http.js";
import { Journal } from "../../../web/js/journal.js";
import { Known } from "../../../web/js/known.js";
import { Queue } from "../../../web/js/queue.js";
import { Tus } from "../../../web/js/tus.js";
import { Uploads } from "../../../web/js/uploads.js";
import { TusServer } from "./server.js";
import { XHR } from "./xhr.js";

export const KIB = 1024;

/** @type {import("../../../web/js/types.js").Config} */
export const CONFIG = {
  title: "",
  message: "",
  shared: false,
  maxFileSize: 2 ** 30,
  maxChunk: 64 * 2 ** 20,
  extensions: [".jpg", ".mp4"],
  precheck: true,
  guestName: "off",
};

/** No workers in node as browsers have them: the tests of hash-worker.js run in a browser. */
/** @returns {never} */
export function deafWorker() {
  throw new Error("no workers here");
}

/** A worker that knows checksums by heart: [size, SHA-1]. @param {Iterable<[number, string]>} answers */
export function wiseWorker(answers) {
  const known = new Map(answers);
  return () => {
    /** @type {import("../../../web/js/hasher.js").HashWorker} */
    const worker = {
      onmessage: null,
      onerror: null,
      postMessage: (/** @type {File} */ { size }) =>
        queueMicrotask(() => {
          const event = new MessageEvent("message", { data: known.get(size) ?? null });
          worker.onmessage?.call(/** @type {any} */ (worker), event);
        }),
      terminate: () => {},
    };
    return worker;
  };
}

/**
 * @typedef {object} Options
 * @property {TusServer} [server]
 * @property {number} [chunk]     bytes
 * @property {number} [patience]  ms until a stall is found out
 * @property {boolean} [buffered]
 * @property {string} [session]
 * @property {() => number} [random]
 * @property {Journal} [journal]
 * @property {() => import("../../../web/js/hasher.js").HashWorker} [worker]
 * @property {Partial<import("../../../web/js/types.js").Config>} [config]
 * @property {() => Promise<boolean>} [redeliver]
 * @property {() => void} [resync]
 */

/**
 * @param {import("node:test").TestContext} t
 * @param {Options} [options]
 */
export async function guest(t, options = {}) {
  const server = options.server ?? (await new TusServer().start());
  t.after(() => server.stop());
  const { patience = 5000 } = options;
  const send = sender({ XHR, idle: patience, answer: patience });
  const uploads = new Uploads();
  const chunk = new ChunkSize({ start: options.chunk ?? 512 * KIB, ceiling: 2 ** 24 });
  const session = options.session ?? "guest-session-0000000000";
  const url = new URL("api/known", server.base);
  const queue = new Queue({
    gear: {
      ...{ uploads, chunk, session, buffered: options.buffered ?? false },
      tus: new Tus({ endpoint: new URL("files/", server.base), send }),
      random: options.random ?? (() => 0.01),
      recovered: () => queue.wake(),
    },
    journal: options.journal ?? new Journal(null),
    hasher: new Hasher(options.worker ?? deafWorker),
    known: new Known({ url, session, send }),
    config: { ...CONFIG, ...options.config },
    redeliver: options.redeliver ?? (async () => true),
    resync: options.resync ?? (() => {}),
  });
  return { server, uploads, queue, chunk, send };
}

/** @param {number} size @param {string} [name] @param {Buffer} [bytes] */
export function photo(size, name = "IMG_0001.jpg", bytes = randomBytes(size)) {
  const file = new File([/** @type {Uint8Array<ArrayBuffer>} */ (bytes)], name, {
    type: "image/jpeg",
    lastModified: 1_700_000_000_000,
  });
  return { picked: { file, handle: null }, bytes };
}

/** Wait until it holds, looking again whenever something changes. @param {Uploads} uploads @param {(uploads: Uploads) => boolean} holds */
export async function until(uploads, holds) {
  const changed = new EventTarget();
  const stir = () => changed.dispatchEvent(new Event("stir"));
  for (const type of ["add", "change", "remove", "again"]) uploads.addEventListener(type, stir);
  while (!holds(uploads)) await once(changed, "stir");
}

/** @param {import("../../../web/js/types.js").ItemState} state */
export const all = (state) => (/** @type {Uploads} */ uploads) =>
  uploads.items.size > 0 && [...uploads.items.values()].every((item) => item.state === state);

/** The only item, or the first. @param {Uploads} uploads */
export function first(uploads) {
  const [item] = uploads.items.values();
  if (!item) throw new Error("there is no item");
  return item;
}
