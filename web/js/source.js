// Reading a file the guest chose. A phone may take it back at any time: the file changed, was
// deleted, or its provider in the cloud does not answer.

import { within } from "./backoff.js";
import { Refusal } from "./tus.js";

const PATIENCE = 60_000; // ms

/** It cannot be read any more, and the guest has to pick it again. */
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
 * A file that is gone and a network that is gone look the same to XMLHttpRequest.
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
