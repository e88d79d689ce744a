import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff, sleep, within } from "../../web/js/backoff.js";
import { ChunkSize } from "../../web/js/chunk.js";

const MIB = 2 ** 20;

function sizes() {
  const clock = { now: 0 };
  const chunk = new ChunkSize({ start: 4 * MIB, ceiling: 16 * MIB, now: () => clock.now });
  return { chunk, clock };
}

test("chunks grow while they are quick, up to the ceiling, and shrink when they are slow", () => {
  const { chunk } = sizes();
  for (let n = 0; n < 5; n++) chunk.took(chunk.bytes, 1000);
  assert.equal(chunk.bytes, 16 * MIB);
  chunk.took(chunk.bytes, 10_000);
  assert.equal(chunk.bytes, 16 * MIB);
  for (let n = 0; n < 9; n++) chunk.took(chunk.bytes, 20_000);
  assert.equal(chunk.bytes, MIB);
  chunk.took(100, 10);
  assert.equal(chunk.bytes, MIB, "a small file says nothing");
});

test("a cut fells every lane and counts once", () => {
  const { chunk, clock } = sizes();
  for (let n = 0; n < 3; n++) chunk.cut(chunk.bytes);
  assert.equal(chunk.bytes, 2 * MIB);
  for (let n = 0; n < 9; n++) {
    clock.now += 6000;
    chunk.cut(chunk.bytes);
  }
  assert.equal(chunk.bytes, MIB / 4);
});

test("a small file that was cut is not sent in one piece again", () => {
  const { chunk } = sizes();
  chunk.cut(1.5 * MIB);
  assert.equal(chunk.bytes, 0.75 * MIB);
});

test("what a proxy refused is never tried again", () => {
  const { chunk } = sizes();
  assert.ok(chunk.refused(4 * MIB));
  chunk.took(chunk.bytes, 1000);
  assert.equal(chunk.bytes, 2 * MIB);
  while (chunk.refused(chunk.bytes));
  assert.equal(chunk.bytes, MIB / 4);
});

test("the ceiling is the server's even when it is small", () => {
  assert.equal(new ChunkSize({ start: 4 * MIB, ceiling: MIB }).bytes, MIB);
});

test("waiting doubles to the cap, with full jitter, and begins again", () => {
  const backoff = new Backoff({ random: () => 0.5 });
  const waits = Array.from({ length: 7 }, () => backoff.next());
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  backoff.reset();
  assert.equal(backoff.next(), 500);
});

test("a signal ends a wait, and what takes too long", async () => {
  const stop = new AbortController();
  const waits = [sleep(60_000, stop.signal), within(new Promise(() => {}), 60_000, stop.signal)];
  stop.abort();
  const ends = await Promise.allSettled([
    ...waits,
    within(sleep(60_000, stop.signal), 9, stop.signal),
  ]);
  assert.deepEqual(
    ends.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
});
