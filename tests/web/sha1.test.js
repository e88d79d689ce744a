import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { checksumOf, fingerprint, WHOLE } from "../../web/js/fingerprint.js";
import { Sha1 } from "../../web/js/sha1.js";

/** @param {Uint8Array} bytes */
const sha1 = (bytes) => createHash("sha1").update(bytes).digest("hex");

test("every length around a block, in pieces of every size", () => {
  for (let length = 0; length < 200; length++) {
    const bytes = randomBytes(length);
    const digest = new Sha1();
    for (let at = 0; at < length; ) {
      const next = at + 1 + ((length * 7 + at) % 67);
      digest.update(bytes.subarray(at, next));
      at = next;
    }
    assert.equal(digest.hex(), sha1(bytes), `${length} bytes`);
  }
});

test("a fingerprint is made of size and ends, and of all of a small file", async () => {
  const bytes = randomBytes(WHOLE + 1);
  const print = await fingerprint(new Blob([bytes]));
  const ends = Buffer.concat([bytes.subarray(0, 65536), bytes.subarray(-65536)]);
  assert.equal(print, `${WHOLE + 1}-${sha1(ends)}`);
  assert.equal(checksumOf(print), null);
  const small = bytes.subarray(1);
  assert.equal(checksumOf(await fingerprint(new Blob([small]))), sha1(small));
});
