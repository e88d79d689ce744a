/** @import {Picked} from "./types.js" */

const LITTER = /^(\._.*|\.DS_Store|\.localized|Thumbs\.db|ehthumbs\.db|desktop\.ini)$/i;

/**
 * Drop anywhere on the page, folders too, or paste.
 *
 * Dispatches `pick` (detail: Picked[]), with nothing in it when there was no file in a drop.
 */
export class Drop extends EventTarget {
  #overlay;
  #depth = 0;

  /**
   * @param {object} parts
   * @param {Document} parts.page
   * @param {HTMLElement} parts.overlay shown while files hover over the page
   */
  constructor({ page, overlay }) {
    super();
    this.#overlay = overlay;
    page.addEventListener("dragenter", (event) => this.#hover(event, 1));
    page.addEventListener("dragleave", (event) => this.#hover(event, -1));
    page.addEventListener("dragover", (event) => {
      if (carriesFiles(event)) event.preventDefault();
    });
    page.addEventListener("drop", (event) => this.#drop(event));
    page.addEventListener("paste", ({ clipboardData }) => {
      const pasted = [...(clipboardData?.files ?? [])].map((file) => ({ file, handle: null }));
      if (pasted.length > 0) this.#give(pasted); // text is no attempt to bring a file
    });
  }

  /** Counts, because each child that is entered also tells. @param {DragEvent} event @param {number} by */
  #hover(event, by) {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    this.#depth = Math.max(0, this.#depth + by);
    this.#overlay.hidden = this.#depth === 0;
  }

  /** @param {DragEvent} event */
  async #drop(event) {
    if (!event.dataTransfer || !carriesFiles(event)) return;
    event.preventDefault();
    this.#depth = 0;
    this.#overlay.hidden = true;
    this.#give(await unpack(event.dataTransfer.items));
  }

  /** @param {Picked[]} picked */
  #give(picked) {
    this.dispatchEvent(new CustomEvent("pick", { detail: picked }));
  }
}

/** What systems leave in folders, which no guest means. @param {Picked} picked */
export function isLitter({ file }) {
  return LITTER.test(file.name);
}

/** @param {DragEvent} event */
function carriesFiles({ dataTransfer }) {
  return dataTransfer?.types.includes("Files") ?? false;
}

/**
 * Every file in a drop. The list is dead after the first await, so all items are asked at once.
 *
 * @param {DataTransferItemList} items
 */
async function unpack(items) {
  const asked = [...items].filter(({ kind }) => kind === "file").map(ask);
  return (await Promise.all(asked)).flat();
}

/** @param {DataTransferItem} item @returns {Promise<Picked[]>} */
async function ask(item) {
  const entry = item.webkitGetAsEntry();
  const file = item.getAsFile();
  const handle = await /** @type {HandleItem} */ (item).getAsFileSystemHandle?.().catch(() => null);
  if (entry?.isDirectory) return walk(entry);
  const known = handle?.kind === "file" ? /** @type {FileSystemFileHandle} */ (handle) : null;
  return file ? [{ file, handle: known }] : [];
}

/** @typedef {DataTransferItem & {getAsFileSystemHandle?: () => Promise<FileSystemHandle | null>}} HandleItem */

/** @param {FileSystemEntry} entry @returns {Promise<Picked[]>} without what went away or is locked */
async function walk(entry) {
  try {
    return entry.isFile
      ? [await fileOf(/** @type {FileSystemFileEntry} */ (entry))]
      : await inside(/** @type {FileSystemDirectoryEntry} */ (entry));
  } catch {
    return []; // the rest of the folder comes nevertheless
  }
}

/** @param {FileSystemFileEntry} entry @returns {Promise<Picked>} */
async function fileOf(entry) {
  return { file: await new Promise((done, fail) => entry.file(done, fail)), handle: null };
}

/** @param {FileSystemDirectoryEntry} folder */
async function inside(folder) {
  const found = [];
  for (const child of await children(folder)) found.push(...(await walk(child)));
  return found;
}

/** Browsers hand out at most 100 at a time, and an empty list at the end. @param {FileSystemDirectoryEntry} folder */
async function children(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const all = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (some.length === 0) return all;
    all.push(...some);
  }
}
