// Milestones for those who listen: few, in order, never on top of each other.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Say } from "../../web/js/say.js";
import { wordsIn } from "./support/words.js";

/** @import {Summary} from "../../web/js/types.js" */

const words = await wordsIn("en");
let now = 0;
let status = { textContent: "" };
let alert = { textContent: "" };
let say = new Say({ status, alert, words, now: () => now });

beforeEach(() => {
  now = 0;
  status = { textContent: "" };
  alert = { textContent: "" };
  say = new Say({ status, alert, words, now: () => now });
});

/** @param {Partial<Summary>} facts @returns {Summary} */
function summary(facts) {
  const none = {
    photos: 0,
    videos: 0,
    done: 0,
    duplicates: 0,
    failed: 0,
    interrupted: 0,
    active: 1,
  };
  return {
    ...none,
    count: 8,
    safe: 0,
    bytes: 100,
    acked: 0,
    phase: "uploading",
    code: null,
    eta: null,
    ...facts,
  };
}

test("the start says how many", () => {
  say.listen(summary({}));
  assert.match(status.textContent, /8 items/);
});

test("a quarter is said once, and not on the heels of the start", () => {
  say.listen(summary({}));
  const start = status.textContent;
  now = 5000;
  say.listen(summary({ acked: 26 }));
  assert.equal(status.textContent, start);
  now = 10_000;
  say.listen(summary({ acked: 30 }));
  assert.match(status.textContent, /25%/);
  status.textContent = "";
  now = 30_000;
  say.listen(summary({ acked: 40 }));
  assert.equal(status.textContent, "");
});

test("quarters that went by unsaid are skipped", () => {
  say.listen(summary({}));
  now = 10_000;
  say.listen(summary({ acked: 80 }));
  assert.match(status.textContent, /75%/);
});

test("a lost and a found connection are said at once", () => {
  say.listen(summary({}));
  say.listen(summary({ phase: "offline" }));
  assert.match(status.textContent, /No connection/);
  say.listen(summary({}));
  assert.match(status.textContent, /back/);
});

test("a server that lets everything wait says why, and is no lost connection", () => {
  say.listen(summary({}));
  say.listen(summary({ phase: "offline", code: "disk_full" }));
  assert.match(status.textContent, /^Waiting\. .*no room/);
  status.textContent = "";
  say.listen(summary({}));
  assert.equal(status.textContent, "");
});

test("safe to close, and thank you, are said at once", () => {
  say.listen(summary({}));
  say.listen(summary({ phase: "delivering" }));
  assert.match(status.textContent, /close this page/);
  say.listen(summary({ phase: "done" }));
  assert.match(status.textContent, /Thank you/);
});

test("the first failure alerts, the next does not, and a mended page can alert again", () => {
  say.listen(summary({ failed: 1 }));
  assert.match(alert.textContent, /1 item/);
  say.listen(summary({ failed: 2 }));
  assert.match(alert.textContent, /1 item/);
  say.listen(summary({ failed: 0 }));
  assert.equal(alert.textContent, "");
  say.listen(summary({ failed: 3 }));
  assert.match(alert.textContent, /3 items/);
});
