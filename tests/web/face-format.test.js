import assert from "node:assert/strict";
import { test } from "node:test";
import { Format } from "../../web/js/format.js";

const english = new Format("en");

/** Intl separates with several kinds of space. @param {string} text */
const plain = (text) => text.replace(/\s/g, " ");

for (const [bytes, said] of /** @type {const} */ ([
  [0, "0 kB"],
  [1, "1 kB"],
  [41_200, "41 kB"],
  [999_499, "999 kB"],
  [999_500, "1 MB"],
  [2_430_000, "2.4 MB"],
  [843_200_000, "843 MB"],
  [3_400_000_000, "3.4 GB"],
  [50e9, "50 GB"],
])) {
  test(`${bytes} bytes are ${said}`, () => assert.equal(plain(english.bytes(bytes)), said));
}

test("two sizes share the unit of the larger", () => {
  const { done, total } = english.bytesOf(181e6, 3.4e9);
  assert.deepEqual([done, plain(total)], ["0.2", "3.4 GB"]);
});

test("sizes are written as in the language", () => {
  assert.equal(plain(new Format("fr").bytes(3.4e9)), "3,4 Go");
  assert.equal(plain(new Format("de").bytes(3.4e9)), "3,4 GB");
});

for (const [seconds, said] of /** @type {const} */ ([
  [61, "1 min"],
  [245, "4 min"],
  [27 * 60, "25 min"],
  [89 * 60, "90 min"],
  [100 * 60, "1.5 hr"],
  [3 * 3600, "3 hr"],
])) {
  test(`${seconds} s are about ${said}`, () =>
    assert.equal(plain(english.duration(seconds)), said));
}

test("percent never says more than there is", () => {
  assert.equal(english.percent(0.999), "99%");
  assert.equal(plain(new Format("de").percent(0.43)), "43 %");
});
