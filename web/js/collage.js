/** @import {Item} from "./types.js" */
import { picture } from "./thumbs.js";

const MOST = 5;
const PIXELS = 256;

/**
 * Show a few of the guest's photos and videos on the thank-you page.
 *
 * @param {HTMLElement} place
 * @param {Iterable<Item>} items
 */
export async function layOut(place, items) {
  /** @type {HTMLCanvasElement[]} */
  const pictures = [];
  for (const item of items) {
    if (pictures.length === MOST) break;
    const canvas = item.kind === "photo" ? await picture(item, PIXELS) : null;
    if (canvas) pictures.push(canvas);
  }
  const middle = (pictures.length - 1) / 2;
  place.style.setProperty("--middle", String(middle));
  pictures.forEach((canvas, index) => {
    canvas.style.setProperty("--place", String(index));
    canvas.style.setProperty("--far", String(Math.abs(index - middle)));
  });
  place.replaceChildren(...pictures);
}
