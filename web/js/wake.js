// Keeps the screen on while files are sent, and warns before leaving while some would be lost.

/** @import {Uploads} from "./uploads.js" */
import { SAFE } from "./item.js";

const CALM = 500; // ms

/**
 * @param {Uploads} uploads
 * @param {{window?: Window, navigator?: Navigator}} [browser]
 */
export function keepAwake(
  uploads,
  { window = globalThis.window, navigator = window.navigator } = {},
) {
  const { document } = window;
  /** @type {WakeLockSentinel | null} */
  let lock = null;
  let due = 0;
  const warn = (/** @type {BeforeUnloadEvent} */ event) => event.preventDefault();

  const look = async () => {
    due = 0;
    const { phase } = uploads.summary();
    // Listen only while needed: a page with this listener is not kept in the back/forward cache.
    const listen = unsafe(uploads) ? window.addEventListener : window.removeEventListener;
    listen.call(window, "beforeunload", /** @type {EventListener} */ (warn));
    await hold(phase === "uploading" || phase === "offline");
  };
  const hold = async (/** @type {boolean} */ busy) => {
    if (busy === Boolean(lock && !lock.released) || document.hidden) return;
    try {
      if (busy) lock = await navigator.wakeLock?.request("screen");
      else await lock?.release();
    } catch {
      lock = null; // low battery, or not allowed
    }
  };
  const later = () => {
    if (!due) due = window.setTimeout(look, CALM);
  };
  for (const type of ["add", "change", "remove"]) uploads.addEventListener(type, later);
  document.addEventListener("visibilitychange", later);
}

/** @param {Uploads} uploads */
function unsafe(uploads) {
  for (const { file, state } of uploads.items.values())
    if (file && !SAFE.has(state) && state !== "failed") return true;
  return false;
}
