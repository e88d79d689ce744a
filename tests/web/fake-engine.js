// An engine that sends nothing and shows any state: `?state=` names the scene. It stands in for
// `web/js/engine.js` where a state is rare or must hold still for a picture.

/** @import {Commands, Item, ItemState} from "../../web/js/types.js" */
import { newItem } from "../../web/js/item.js";
import { Uploads } from "../../web/js/uploads.js";

/** @typedef {Partial<Item> & {state: ItemState}} Part */

const MB = 1e6;
const asked = new URLSearchParams(location.search);
const scene = asked.get("state") ?? "empty";
const config = {
  title: "Anna & Tom, 12 September",
  message:
    "You were there, and you saw it with other eyes than we did. Please share what you caught!",
  shared: scene === "named",
  maxFileSize: 50e9,
  maxChunk: 64e6,
  extensions: [".jpg", ".mp4"],
  precheck: true,
  guestName: scene === "held" ? "required" : scene === "named" ? "optional" : "off",
};

/** @type {Record<string, Part[]>} */
const SCENES = {
  empty: [],
  named: [], // by a link, and the host likes to know who comes
  held: many(5, { state: "waiting" }),
  uploading: [
    ...many(12, { state: "stored" }),
    { state: "received", sent: 2 * MB },
    { state: "uploading", acked: 2.1 * MB, flying: 1 * MB },
    { state: "uploading", acked: 181 * MB, flying: 16 * MB, kind: "video" },
    { state: "uploading", acked: 0, flying: 0.9 * MB },
    ...many(6, { state: "waiting" }),
  ],
  offline: [
    ...many(9, { state: "stored" }),
    { state: "offline", acked: 1.1 * MB },
    { state: "offline", acked: 181 * MB, kind: "video" },
    ...many(5, { state: "waiting" }),
  ],
  paused: [
    ...many(9, { state: "stored" }),
    { state: "paused", acked: 181 * MB, kind: "video" },
    ...many(5, { state: "paused" }),
  ],
  delivering: [
    ...many(14, { state: "stored" }),
    { state: "received", sent: 2 * MB },
    { state: "received" },
    { state: "received", code: "immich_unavailable", retryAt: Date.UTC(2026, 8, 12, 18, 30) },
  ],
  done: [
    ...many(47, { state: "stored" }),
    ...many(2, { state: "duplicate" }),
    ...many(3, { state: "stored", kind: "video" }),
  ],
  crowd: [
    ...many(40, { state: "stored" }),
    { state: "uploading", acked: 2.1 * MB, flying: 1 * MB },
    { state: "uploading", acked: 181 * MB, flying: 16 * MB, kind: "video" },
    ...many(158, { state: "waiting" }),
  ],
  few: [{ state: "stored" }, { state: "stored" }, { state: "duplicate" }],
  attention: [
    {
      state: "failed",
      code: "type_not_accepted",
      name: "seating-plan.xlsx",
      kind: "file",
      size: 41_200,
    },
    { state: "failed", code: "unreadable" },
    { state: "failed", code: "immich_refused", mendable: true },
    { state: "failed", code: "checksum_mismatch", mendable: true, kind: "video" },
    ...many(20, { state: "stored" }),
  ],
  interrupted: [
    { state: "interrupted", acked: 610 * MB, kind: "video", reopenable: true },
    { state: "interrupted", acked: 1.2 * MB },
    ...many(22, { state: "stored" }),
  ],
  rows200: [
    ...many(3, { state: "uploading", acked: 1.4 * MB, flying: 0.5 * MB }),
    ...many(197, { state: "waiting" }),
  ],
  rows2000: [
    ...many(3, { state: "uploading", acked: 1.4 * MB, flying: 0.5 * MB }),
    ...many(1997, { state: "waiting" }),
  ],
};

/** @param {number} count @param {Part} part */
function many(count, part) {
  return Array.from({ length: count }, () => ({ ...part }));
}

const PAUSES = /** @type {const} */ ({ pause: true, resume: false });

export async function start() {
  const uploads = new Uploads();
  const pictures = /** @type {{pictures?: File[]}} */ (globalThis).pictures ?? [];
  for (const [index, part] of (SCENES[scene] ?? []).entries()) {
    uploads.add(item(part, index, pictures));
  }
  uploads.paused = scene === "paused";
  uploads.held = scene === "held";
  if (scene === "uploading") keepPace(uploads);
  Object.assign(globalThis, { uploads });
  return { uploads, commands: commands(uploads), config };
}

/** @param {Part} part @param {number} index @param {File[]} pictures */
function item(part, index, pictures) {
  const video = part.kind === "video";
  const name = `IMG_${2041 + index}.${video ? "MOV" : index % 5 === 4 ? "HEIC" : "JPG"}`;
  const size = video ? 843.2 * MB : (2.4 + ((index * 37) % 29) / 10) * MB;
  const file = video ? null : (pictures[index % pictures.length] ?? null);
  const safe = ["stored", "duplicate", "received"].includes(part.state);
  return newItem({ id: `item-${index}`, name, size, file, acked: safe ? size : 0, ...part });
}

/** An ETA to show. @param {Uploads} uploads */
function keepPace(uploads) {
  Object.defineProperty(uploads.pace, "rate", { get: () => 3.2 * MB });
}

/** @param {Uploads} uploads @returns {Commands} */
function commands(uploads) {
  const drop = (/** @type {string} */ id) => uploads.remove(id);
  const hold = (/** @type {"pause" | "resume"} */ how) => () => {
    uploads.paused = PAUSES[how];
    const [first] = uploads.items.values();
    if (first) uploads.change(first, {});
  };
  const retry = (/** @type {string} */ id) => {
    const failed = uploads.items.get(id);
    if (failed) uploads.change(failed, { state: "waiting", code: null });
  };
  return {
    add: (picked) => {
      for (const { file } of picked) {
        uploads.add(newItem({ id: crypto.randomUUID(), name: file.name, size: file.size, file }));
      }
    },
    introduce: (name) => {
      uploads.held = config.guestName === "required" && !name;
      const [first] = uploads.items.values();
      if (first) uploads.change(first, {});
    },
    pause: hold("pause"),
    resume: hold("resume"),
    cancelAll: () => {
      for (const { id, state } of [...uploads.items.values()]) if (state === "waiting") drop(id);
    },
    retry,
    retryAll: () => {
      for (const { id, mendable } of uploads.items.values()) if (mendable) retry(id);
    },
    remove: drop,
    nudge: () => {},
    reopen: async () => {},
  };
}
