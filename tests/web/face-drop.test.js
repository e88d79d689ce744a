// What is dropped, pasted, or lies in dropped folders.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Drop, isLitter } from "../../web/js/drop.js";

/** @import {Picked} from "../../web/js/types.js" */

/** As browsers do: a folder hands out at most 100 entries at a time. */
const BATCH = 100;

/** @param {string} name */
const leaf = (name) => ({
  isFile: true,
  isDirectory: false,
  file: (/** @type {(file: File) => void} */ done) => done(new File(["x"], name)),
});

/** @param {object[]} entries */
function folder(entries) {
  return {
    isFile: false,
    isDirectory: true,
    createReader: () => {
      const left = [...entries];
      return {
        readEntries: (/** @type {(some: object[]) => void} */ done) => done(left.splice(0, BATCH)),
      };
    },
  };
}

/** @param {object} entry @param {object} [more] */
const item = (entry, more = {}) => ({
  kind: "file",
  getAsFile: () => new File(["x"], "one.jpg"),
  webkitGetAsEntry: () => entry,
  ...more,
});

function setUp() {
  const page = new EventTarget();
  const overlay = { hidden: true };
  const drop = new Drop({
    page: /** @type {Document} */ (page),
    overlay: /** @type {HTMLElement} */ (overlay),
  });
  /** @type {Promise<Picked[]>} */
  const picked = new Promise((done) =>
    drop.addEventListener("pick", (event) => done(/** @type {CustomEvent} */ (event).detail)),
  );
  /** @param {string} type @param {object} facts */
  const happen = (type, facts) => {
    const event = new Event(type, { cancelable: true });
    page.dispatchEvent(Object.assign(event, facts));
    return event;
  };
  return { overlay, picked, happen };
}

test("a dropped folder is read to its end, through its folders", async () => {
  const { picked, happen } = setUp();
  const names = Array.from({ length: 250 }, (_, n) => `${n}.jpg`);
  const tree = folder([folder(names.map(leaf)), leaf("last.jpg")]);
  happen("drop", { dataTransfer: { types: ["Files"], items: [item(tree)] } });
  assert.deepEqual(
    (await picked).map(({ file }) => file.name),
    [...names, "last.jpg"],
  );
});

test("what goes away or is locked keeps nothing else of a folder back", async () => {
  const { picked, happen } = setUp();
  /** @param {unknown} _ @param {(error: Error) => void} fail */
  const refuse = (_, fail) => fail(new DOMException("", "NotFoundError"));
  const gone = { ...leaf("gone.jpg"), file: refuse };
  const locked = { ...folder([]), createReader: () => ({ readEntries: refuse }) };
  const tree = folder([gone, locked, leaf("last.jpg")]);
  happen("drop", { dataTransfer: { types: ["Files"], items: [item(tree)] } });
  assert.deepEqual(
    (await picked).map(({ file }) => file.name),
    ["last.jpg"],
  );
});

test("a drop in which there is no file is told, too", async () => {
  const { picked, happen } = setUp();
  happen("drop", { dataTransfer: { types: ["Files"], items: [item(folder([]))] } });
  assert.deepEqual(await picked, []);
});

test("a dropped file brings its handle, where the browser has one", async () => {
  const { picked, happen } = setUp();
  const handle = { kind: "file" };
  const dropped = item(leaf("one.jpg"), { getAsFileSystemHandle: async () => handle });
  happen("drop", { dataTransfer: { types: ["Files"], items: [dropped] } });
  const [one] = await picked;
  assert.equal(one?.file.name, "one.jpg");
  assert.equal(one?.handle, handle);
});

test("a file without handle is taken as well", async () => {
  const { picked, happen } = setUp();
  happen("drop", { dataTransfer: { types: ["Files"], items: [item(leaf("one.jpg"))] } });
  assert.equal((await picked)[0]?.handle, null);
});

test("pasted files are taken", async () => {
  const { picked, happen } = setUp();
  happen("paste", { clipboardData: { files: [new File(["x"], "image.png")] } });
  assert.equal((await picked)[0]?.file.name, "image.png");
});

test("the overlay stays while the pointer wanders over what is inside", () => {
  const { overlay, happen } = setUp();
  const files = { dataTransfer: { types: ["Files"] } };
  happen("dragenter", files);
  happen("dragenter", files);
  happen("dragleave", files);
  assert.equal(overlay.hidden, false);
  happen("dragleave", files);
  assert.equal(overlay.hidden, true);
});

test("dragged text is left alone", () => {
  const { overlay, happen } = setUp();
  const event = happen("dragenter", { dataTransfer: { types: ["text/plain"] } });
  assert.equal(overlay.hidden, true);
  assert.equal(event.defaultPrevented, false);
});

test("what systems leave behind is litter, what guests bring is not", () => {
  const named = (/** @type {string} */ name) =>
    isLitter({ file: new File([], name), handle: null });
  assert.ok([".DS_Store", "Thumbs.db", "._IMG_1.JPG", "desktop.ini"].every(named));
  assert.ok(!["IMG_1.JPG", "DS_Store.jpg", "thumbs.db.png"].some(named));
});
