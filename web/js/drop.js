/** @import {Picked} from "./types.js" */

const LITTER = /^(\._.*|\.DS_Store|\.localized|Thumbs\.db|ehthumbs\.db|desktop\.ini)$/i;

/**
 * Files that are dropped anywhere on the page (folders too), or pasted.
 *
 * Dispatches `pick` (detail: Picked[]); the list is empty if a drop contained no file.
 */
export class Drop extends EventTarget {
  #overlay;
  #depth = 0;

  /**
   * @param {object} parts
   * @param {Document} parts.page
   * @param {HTMLElement} parts.overlay shown while files are dragged over the page
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
      if (pasted.length > 0) this.#give(pasted); // pasting text is not an attempt to add a file
    });
  }

  /** Counts, as entering a child fires events too. @param {DragEvent} event @param {number} by */
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

/** A file that the operating system left in a folder. @param {Picked} picked */
export function isLitter({ file }) {
  return LITTER.test(file.name);
}

/** @param {DragEvent} event */
function carriesFiles({ dataTransfer }) {
  return dataTransfer?.types.includes("Files") ?? false;
}

/**
 * Every file in a drop. The list is emptied after the first await, so all items are read at once.
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

/** @param {FileSystemEntry} entry @returns {Promise<Picked[]>} without files that cannot be read */
async function walk(entry) {
  try {
    return entry.isFile
      ? [await fileOf(/** @type {FileSystemFileEntry} */ (entry))]
      : await inside(/** @type {FileSystemDirectoryEntry} */ (entry));
  } catch {
    return []; // the rest of the folder is still added
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

/**
 * Browsers return at most 100 at a time, and an empty list at the end.
 *
 * @param {FileSystemDirectoryEntry} folder
 */
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
