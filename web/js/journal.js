// What survives a reload: which files were chosen, and how to recognise them. Never their bytes
// (WebKit's IndexedDB loses them, and they would take up space twice).

const STORE = "items";
const KEEP = 7 * 24 * 3600 * 1000; // ms
const GATHER = 200; // ms
const PATIENCE = 5000; // ms; WebKit's IndexedDB may never answer (WebKit bug 226547)

/**
 * @typedef {object} Memo
 * @property {string} id
 * @property {string} session
 * @property {string} name
 * @property {number} size
 * @property {import("./types.js").Item["kind"]} kind
 * @property {import("./types.js").ItemState | "removed"} state
 * @property {string | null} print
 * @property {string | null} sha1
 * @property {FileSystemFileHandle | null} handle
 * @property {string | null} [code]  why it failed before the server had it
 * @property {number} at  ms since 1970
 */

export class Journal {
  #db;
  /** @type {Map<string, Memo>} */
  #pending = new Map();

  /** @param {IDBDatabase | null} db  null: nothing is remembered */
  constructor(db) {
    this.#db = db;
  }

  /**
   * @param {string} name
   * @param {() => IDBFactory} [factory]  throws where storage is blocked
   */
  static async open(name, factory = () => globalThis.indexedDB) {
    try {
      const request = factory().open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
      return new Journal(await done(request));
    } catch {
      return new Journal(null);
    }
  }

  /**
   * The files that this session chose, oldest first; entries that are too old are deleted.
   *
   * @param {string} session
   * @returns {Promise<Memo[]>}
   */
  async all(session) {
    if (!this.#db) return [];
    try {
      const store = this.#db.transaction(STORE, "readwrite").objectStore(STORE);
      /** @type {Memo[]} */
      const memos = await done(store.getAll());
      const old = Date.now() - KEEP;
      for (const { id, at } of memos) if (at < old) store.delete(id);
      return memos
        .filter((memo) => memo.at >= old && memo.session === session)
        .sort((a, b) => a.at - b.at);
    } catch {
      return [];
    }
  }

  /** @param {Memo} memo */
  put(memo) {
    if (!this.#db) return;
    if (!this.#pending.size) setTimeout(() => this.flush(), GATHER);
    this.#pending.set(memo.id, memo);
  }

  /** Write now: the page may be about to close. */
  flush() {
    if (!this.#db || !this.#pending.size) return;
    const memos = [...this.#pending.values()];
    this.#pending.clear();
    try {
      const store = this.#db.transaction(STORE, "readwrite").objectStore(STORE);
      for (const memo of memos) store.put(memo);
      store.transaction.commit(); // otherwise the page would have to be there once more to commit
    } catch {
      this.#db = null; // the browser closed it and keeps nothing
    }
  }
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>} also rejects when it takes too long
 */
function done(request) {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("too late")), PATIENCE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
