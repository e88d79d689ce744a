// Identifies the guest's browser by an unguessable id that lasts as long as the browser's storage.

import { recall, remember } from "./storage.js";

const KEY = "drop-session";
const LINK = /\/(share|s)\/[^/]+\/$/; // the drop of a link, which shares its origin with others
const TAKEN = 1500; // ms: before a reload, the old page may release its lock late

/** 128 bits, in 22 characters of base64url. crypto.randomUUID is missing on plain http. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .slice(0, 22);
}

/**
 * The session of this tab in this drop. A second tab gets its own, so that two tabs never send the
 * same upload. Without locks (plain http) tabs share one session, but their items' ids differ.
 *
 * @param {object} [options]
 * @param {string} [options.path]  the drop's own
 * @param {() => Storage} [options.local]   throws where storage is blocked
 * @param {() => Storage} [options.tab]
 * @param {LockManager | null} [options.locks]
 * @param {number} [options.taken]  ms to wait for another tab's lock
 */
export async function session({
  path = "/",
  local = () => localStorage,
  tab = () => sessionStorage,
  locks = navigator.locks ?? null,
  taken = TAKEN,
} = {}) {
  const key = LINK.test(path) ? KEY + path : KEY;
  for (const storage of [local, tab]) {
    remember(key, recall(key, storage) ?? newId(), storage);
    const id = recall(key, storage); // null where storage is blocked
    if (id && (await claim(id, locks, taken))) return id;
  }
  return newId();
}

/**
 * Lock a session id until the tab is closed; false if another tab has it.
 *
 * @param {string} id
 * @param {LockManager | null} locks
 * @param {number} taken
 * @returns {Promise<boolean>}
 */
async function claim(id, locks, taken) {
  if (!locks) return true;
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), taken);
  return new Promise((resolve) => {
    locks
      .request(`drop-${id}`, { signal: patience.signal }, () => {
        clearTimeout(timer);
        resolve(true);
        return new Promise(() => {});
      })
      .catch(() => resolve(false));
  });
}
