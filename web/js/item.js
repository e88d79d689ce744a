// What a file the guest chose is to the page.

/** @import {Item, ItemState} from "./types.js" */

/** @type {ReadonlySet<ItemState>} The guest may close the page for them. */
export const SAFE = new Set(["received", "stored", "duplicate"]);

/** What a fresh page mends: it asks for the password, or for the name. @type {ReadonlySet<string | null>} */
export const RENEWABLE = new Set(["password_required", "name_required"]);

/** The link takes nothing (any more). @param {string | null} code */
export function isClosed(code) {
  return code?.startsWith("link_") ?? false;
}

/** The drop itself takes nothing, not only this file. @param {string | null} code */
export function isShut(code) {
  return isClosed(code) || RENEWABLE.has(code);
}

const VIDEO = /\.(3gp|avi|flv|insv|m2ts?|m4v|mkv|mov|mp4|mpe?g|mts|mxf|vob|webm|wmv)$/i;
const PHOTO =
  /\.(3fr|ar[iw]|avif|bmp|c[ai][pn]|cr[23w]|dcr|dng|erf|fff|gif|hei[cf]|hif|iiq|insp|jfif|jp[2eg]|jpeg|jxl|k25|kdc|mrw|nef|nrw|or[fi]|pef|png|psd|ra[fw]|rw[2l]|sr[2fw]|svg|tiff?|webp|x3f)$/i;

/** @type {Record<string, string>} */
const EXTENSIONS = {
  "image/jpeg": ".jpg",
  "image/png": ".png",
  "image/heic": ".heic",
  "image/heif": ".heif",
  "image/webp": ".webp",
  "image/gif": ".gif",
  "image/avif": ".avif",
  "video/mp4": ".mp4",
  "video/quicktime": ".mov",
  "video/webm": ".webm",
  "video/3gpp": ".3gp",
};

/**
 * @param {string} name
 * @param {string} [type] MIME
 * @returns {Item["kind"]}
 */
export function kindOf(name, type = "") {
  if (type.startsWith("image/") || PHOTO.test(name)) return "photo";
  return type.startsWith("video/") || VIDEO.test(name) ? "video" : "file";
}

/**
 * The file's own name. Android's providers hand out bare numbers, and Immich goes by the extension.
 *
 * @param {File} file
 */
export function nameOf({ name, type }) {
  return /\.[^./]+$/.test(name) ? name : name + (EXTENSIONS[type] ?? "");
}

/**
 * @param {Pick<Item, "id" | "name" | "size"> & Partial<Item>} known
 * @returns {Item}
 */
export function newItem(known) {
  return {
    file: null,
    kind: kindOf(known.name),
    state: "waiting",
    acked: 0,
    flying: 0,
    sent: 0,
    code: null,
    mendable: false,
    retryAt: null,
    upload: null,
    reopenable: false,
    ...known,
  };
}
