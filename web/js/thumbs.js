/** @import {Item} from "./types.js" */
import { deadline } from "./backoff.js";

const AT_ONCE = 2;
const KEPT = 150; // drawn rows; 50 kB each
const ROW_PIXELS = 112; // 56 px on a dense screen
const LARGEST_PHOTO = 40e6; // bytes; a larger one costs a phone too much memory
const VIDEO_PATIENCE = 3000; // ms
const FRAME_AT = 0.1; // s; the very first frame is often black

/** Thumbnails of the files in view, drawn two at a time when the browser is idle. */
export class Thumbs {
  /** @type {Map<Element, Item>} */
  #items = new Map();
  /** @type {Set<Element>} in view and not drawn yet */
  #wanted = new Set();
  /** @type {Set<Element>} in view */
  #visible = new Set();
  /** @type {Map<Element, HTMLCanvasElement>} oldest first */
  #drawn = new Map();
  #running = 0;
  #observer;

  constructor() {
    this.#observer = new IntersectionObserver((entries) => this.#see(entries), {
      rootMargin: "200px 0px",
    });
  }

  /** May be called again when a remembered file returns. @param {Element} row @param {Item} item */
  watch(row, item) {
    if (item.file === null || this.#items.has(row)) return;
    this.#items.set(row, item);
    this.#observer.observe(row);
  }

  /** @param {Element} row */
  forget(row) {
    this.#observer.unobserve(row);
    this.#items.delete(row);
    this.#wanted.delete(row);
    this.#visible.delete(row);
    this.#drawn.delete(row);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #see(entries) {
    for (const { target, isIntersecting } of entries) {
      this.#visible[isIntersecting ? "add" : "delete"](target);
      const missing = isIntersecting && !this.#drawn.has(target);
      this.#wanted[missing ? "add" : "delete"](target);
    }
    this.#next();
  }

  #next() {
    for (const row of this.#wanted) {
      if (this.#running === AT_ONCE) return;
      this.#wanted.delete(row);
      this.#running += 1;
      whenIdle(() => this.#draw(row));
    }
  }

  /** @param {Element} row */
  async #draw(row) {
    const item = this.#items.get(row);
    if (item && this.#visible.has(row)) this.#show(row, await picture(item, ROW_PIXELS));
    this.#running -= 1;
    this.#next();
  }

  /** @param {Element} row @param {HTMLCanvasElement | null} canvas */
  #show(row, canvas) {
    if (!this.#items.has(row)) return;
    if (!canvas) {
      this.#observer.unobserve(row); // the tile with the file's type stays
      return;
    }
    row.querySelector(".thumb")?.append(canvas);
    this.#drawn.set(row, canvas);
    this.#release();
  }

  /** Remove the oldest pictures that are out of view. */
  #release() {
    for (const [row, canvas] of this.#drawn) {
      if (this.#drawn.size <= KEPT) return;
      if (this.#visible.has(row)) continue;
      canvas.remove();
      this.#drawn.delete(row);
    }
  }
}

/**
 * A square picture of a file.
 *
 * @param {Item} item
 * @param {number} pixels on each side
 * @returns {Promise<HTMLCanvasElement | null>} null when this browser cannot show it
 */
export async function picture({ file, kind }, pixels) {
  if (file === null) return null;
  if (kind === "video") return frame(file, pixels);
  if (kind !== "photo" || file.size > LARGEST_PHOTO) return null;
  try {
    const bitmap = await createImageBitmap(file, {
      resizeWidth: Math.round(pixels * 1.4),
      resizeQuality: "medium",
    });
    const canvas = square(bitmap, bitmap.width, bitmap.height, pixels);
    bitmap.close();
    return canvas;
  } catch {
    return null; // HEIC outside Safari, RAW, a broken file
  }
}

/** @param {File} file @param {number} pixels @returns {Promise<HTMLCanvasElement | null>} */
async function frame(file, pixels) {
  const video = document.createElement("video");
  const url = URL.createObjectURL(file);
  video.muted = true;
  video.playsInline = true;
  video.preload = "metadata";
  video.src = url;
  try {
    await happens(video, "loadedmetadata");
    video.currentTime = FRAME_AT;
    await happens(video, "seeked");
    return square(video, video.videoWidth, video.videoHeight, pixels);
  } catch {
    return null;
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  }
}

/** @param {HTMLVideoElement} video @param {string} type @returns {Promise<void>} */
function happens(video, type) {
  return new Promise((resolve, reject) => {
    const signal = deadline(VIDEO_PATIENCE);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    video.addEventListener(type, () => resolve(), { once: true });
    video.addEventListener("error", () => reject(video.error), { once: true });
  });
}

/**
 * @param {CanvasImageSource} source
 * @param {number} width
 * @param {number} height
 * @param {number} pixels
 */
function square(source, width, height, pixels) {
  const canvas = document.createElement("canvas");
  canvas.width = pixels;
  canvas.height = pixels;
  const side = Math.min(width, height);
  const [x, y] = [(width - side) / 2, (height - side) / 2];
  canvas.getContext("2d")?.drawImage(source, x, y, side, side, 0, 0, pixels, pixels);
  return canvas;
}

/** @param {() => void} task */
function whenIdle(task) {
  if ("requestIdleCallback" in globalThis) requestIdleCallback(task, { timeout: 1000 });
  else setTimeout(task, 50); // Safari
}
