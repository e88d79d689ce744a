// Computes the SHA-1 of a file in a worker, outside the page's thread.

import { Sha1 } from "./sha1.js";

const ONE_SHOT = 64 * 1024 * 1024; // crypto.subtle is four times as fast, but needs all in memory
const PIECE = 4 * 1024 * 1024;

addEventListener("message", async ({ data: file }) => {
  try {
    postMessage(await checksum(file));
  } catch {
    postMessage(null); // unreadable: the lane that sends the file will report it
  }
});

/** @param {File} file */
async function checksum(file) {
  if (file.size <= ONE_SHOT && crypto.subtle)
    return hex(await crypto.subtle.digest("SHA-1", await file.arrayBuffer()));
  const sha1 = new Sha1();
  for (let at = 0; at < file.size; at += PIECE)
    sha1.update(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()));
  return sha1.hex();
}

/** @param {ArrayBuffer} digest */
function hex(digest) {
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
