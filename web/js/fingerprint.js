// Recognises a file by its size and its first and last bytes. Name and date do not count: an iPhone
// makes up new ones each time the same photo is picked.

import { Sha1 } from "./sha1.js";

const END = 64 * 1024;

/** Up to this size the fingerprint covers all bytes, so its checksum is that of the file. */
export const WHOLE = 256 * 1024;

/**
 * @param {Blob} file
 * @returns {Promise<string>} size and checksum; rejects when the file cannot be read
 */
export async function fingerprint(file) {
  const ends =
    file.size <= WHOLE ? [file] : [file.slice(0, END), file.slice(file.size - END, file.size)];
  const sha1 = new Sha1();
  for (const end of ends) sha1.update(new Uint8Array(await end.arrayBuffer()));
  return `${file.size}-${sha1.hex()}`;
}

/**
 * The checksum of a small file, taken from its fingerprint; null for a large one.
 *
 * @param {string} print
 */
export function checksumOf(print) {
  const [size, checksum = null] = print.split("-");
  return Number(size) <= WHOLE ? checksum : null;
}
