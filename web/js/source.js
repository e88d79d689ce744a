// Reads a file that the guest chose. It may become unreadable at any time: because it changed, was
// deleted, or its cloud provider does not answer.

import { within } from "./backoff.js";
import { Refusal } from "./tus.js";

const PATIENCE = 60_000; // ms

/** The file cannot be read any more; the guest has to pick it again. */
export class Unreadable extends Error {}

/**
 * @template T
 * @param {() => Promise<T>} reading
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
export async function read(reading, signal) {
  try {
    return await within(reading(), PATIENCE, signal);
  } catch (error) {
    // NotReadableError, NotFoundError: https://www.w3.org/TR/FileAPI/#dfn-error-codes
    if (error instanceof DOMException || error instanceof Unreadable) throw new Unreadable();
    throw new Refusal("network");
  }
}

/**
 * Whether a file can still be read: XMLHttpRequest reports a missing file like a network failure.
 *
 * @param {Blob} file
 * @param {AbortSignal} signal
 */
export async function readable(file, signal) {
  try {
    await read(() => file.slice(0, 1).arrayBuffer(), signal);
    return true;
  } catch (error) {
    return !(error instanceof Unreadable);
  }
}
