import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { kindOf, nameOf, newItem } from "../../web/js/item.js";
import { Uploads } from "../../web/js/uploads.js";

/** @import {Item, ItemState, ServerUpload} from "../../web/js/types.js" */

/** @param {Partial<ServerUpload>} [told] @returns {ServerUpload} */
const told = (told) => ({
  ...{ id: "u1", item: "a", name: "a.jpg", length: 100, offset: 0, state: "receiving" },
  ...{ sent: 0, code: null, retryAt: null },
  ...told,
});

/** @param {Partial<Item>} item */
const item = (item) => newItem({ id: "a", name: "a.jpg", size: 100, ...item });

/** @param {ItemState[]} states */
function among(...states) {
  const uploads = new Uploads();
  for (const [n, state] of states.entries()) uploads.add(item({ id: `${n}`, state }));
  return uploads.summary().phase;
}

test("the phase is what matters most", () => {
  assert.equal(among(), "empty");
  assert.equal(among("uploading", "offline", "failed"), "uploading");
  assert.equal(among("waiting", "failed"), "uploading");
  assert.equal(among("offline", "waiting", "received"), "offline");
  assert.equal(among("received", "failed"), "attention");
  assert.equal(among("stored", "interrupted"), "attention");
  assert.equal(among("received", "stored"), "delivering");
  assert.equal(among("stored", "duplicate"), "done");
});

test("nothing goes: the server says why, unless it is out of reach", () => {
  const uploads = new Uploads();
  const one = uploads.add(item({ id: "1", state: "offline", code: "rate_limited" }));
  const other = uploads.add(item({ id: "2", state: "offline", code: "disk_full" }));
  assert.equal(uploads.summary().code, "rate_limited");
  uploads.change(other, { code: null });
  assert.equal(uploads.summary().code, null);
  uploads.change(one, { state: "uploading" });
  uploads.change(other, { code: "disk_full" });
  assert.equal(uploads.summary().code, null);
});

test("a pause shows while something is left to do", () => {
  const uploads = new Uploads();
  uploads.paused = true;
  const one = uploads.add(item({ state: "paused" }));
  assert.equal(uploads.summary().phase, "paused");
  uploads.change(one, { state: "stored" });
  assert.equal(uploads.summary().phase, "done");
});

test("what waits for the guest's name shows it, and what was sent before goes on", () => {
  const uploads = new Uploads();
  uploads.held = true;
  assert.equal(uploads.summary().phase, "empty");
  const one = uploads.add(item({ state: "waiting" }));
  assert.equal(uploads.summary().phase, "held");
  uploads.change(one, { state: "received" });
  assert.equal(uploads.summary().phase, "delivering");
});

test("what is not safe is counted as such, and failed bytes are not", () => {
  const uploads = new Uploads();
  uploads.add(item({ id: "1", state: "stored", acked: 100 }));
  uploads.add(item({ id: "2", state: "duplicate", acked: 100, kind: "video" }));
  uploads.add(item({ id: "3", state: "received", acked: 100 }));
  uploads.add(item({ id: "4", state: "uploading", acked: 40, flying: 30 }));
  uploads.add(item({ id: "5", state: "failed", acked: 40 }));
  const { eta, ...summary } = uploads.summary();
  assert.deepEqual(summary, {
    ...{ count: 5, photos: 1, videos: 1, done: 2, duplicates: 1, safe: 3, failed: 1 },
    ...{ interrupted: 0, active: 1, bytes: 400, acked: 340, phase: "uploading", code: null },
  });
});

test("the time left comes from bytes that are confirmed, and is not guessed", () => {
  let now = 0;
  const uploads = new Uploads({ now: () => now });
  const one = uploads.add(item({ size: 10_000, state: "offline" }));
  uploads.change(one, { state: "uploading", acked: 2000 }); // found by asking, not sent now
  for (let n = 0; n < 4; n++) {
    now += 1000;
    uploads.change(one, { acked: one.acked + 100 });
  }
  assert.equal(uploads.summary().eta, null, "too early");
  for (let n = 0; n < 16; n++) {
    now += 1000;
    uploads.change(one, { acked: one.acked + 100 });
  }
  const { eta } = uploads.summary();
  assert.ok(eta && eta > 50 && eta < 70, `${eta} s for 6000 bytes at 100 a second`);
  now += 40_000;
  assert.equal(uploads.summary().eta, null, "stalled");
});

test("the server's word ends a transfer, and never takes back what is safe", () => {
  const uploads = new Uploads();
  const one = uploads.add(item({ state: "uploading", acked: 40, flying: 50 }));
  uploads.apply(told({ offset: 70 }));
  assert.deepEqual([one.acked, one.flying], [70, 20]);
  uploads.apply(told({ offset: 60 }));
  assert.equal(one.acked, 70, "a late message");
  uploads.apply(told({ state: "received", offset: 100, sent: 10 }));
  assert.deepEqual([one.state, one.acked, one.flying, one.sent], ["received", 100, 0, 10]);
  uploads.apply(told({ offset: 80 }));
  assert.equal(one.state, "received");
  const retryAt = "2026-01-01T00:00:00+00:00";
  uploads.apply(told({ state: "received", offset: 100, code: "immich_unavailable", retryAt }));
  assert.deepEqual([one.code, one.retryAt], ["immich_unavailable", Date.UTC(2026, 0)]);
  uploads.apply(told({ state: "failed", code: "immich_refused" }));
  assert.deepEqual([one.state, one.mendable], ["failed", true]);
});

test("a snapshot brings back what a reload forgot, and drops what is forgotten there", () => {
  const uploads = new Uploads();
  uploads.add(item({ id: "old", state: "received" }));
  uploads.add(item({ id: "half", state: "interrupted" }));
  uploads.remove("hidden");
  uploads.apply([
    told({ item: "part", offset: 30 }),
    told({ item: "done", name: "b.mov", state: "stored", offset: 100 }),
    told({ item: "hidden", state: "stored" }),
  ]);
  const rows = [...uploads.items.values()].map(({ id, state, acked }) => [id, state, acked]);
  assert.deepEqual(rows, [
    ["half", "interrupted", 0],
    ["part", "interrupted", 30],
    ["done", "stored", 100],
  ]);
  assert.equal(uploads.items.get("done")?.kind, "video");
});

for (const version of ["2.7.5", "pre-3.0"])
  test(`what Immich ${version} takes is a photo or a video here, too, and in the host's notice`, async () => {
    const read = (/** @type {string} */ path) =>
      readFile(new URL(`../../${path}`, import.meta.url), "utf8");
    const recorded = (await read(`tests/recordings/immich-${version}.jsonl`)).trim().split("\n");
    const { response } = recorded.map((line) => JSON.parse(line)).find(isMediaTypes);
    const { image, video } = response.body;
    for (const extension of image) assert.equal(kindOf(`a${extension}`), "photo", extension);
    for (const extension of video) assert.equal(kindOf(`a${extension}`), "video", extension);
    const [, videos] = /_VIDEOS = """([^"]+)"""/.exec(await read("immich_drop/accepted.py")) ?? [];
    assert.deepEqual(videos?.trim().split(/\s+/), video);
  });

/** @param {{name: string}} exchange */
function isMediaTypes({ name }) {
  return name === "media-types";
}

test("kinds and names", () => {
  assert.equal(kindOf("a.HEIC"), "photo");
  assert.equal(kindOf("a.bin", "image/x-raw"), "photo");
  assert.equal(kindOf("a.MOV"), "video");
  assert.equal(kindOf("a.xmp"), "file");
  assert.equal(nameOf(new File([], "1000012345", { type: "image/jpeg" })), "1000012345.jpg");
  assert.equal(nameOf(new File([], "a.jpeg", { type: "image/jpeg" })), "a.jpeg");
});
