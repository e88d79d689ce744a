// The page's record of a file that the guest chose.

/** @import {Item, ItemState} from "./types.js" */

/** @type {ReadonlySet<ItemState>} States in which a file no longer needs the page. */
export const SAFE = new Set(["received", "stored", "duplicate"]);

/** @type {ReadonlySet<string | null>} Codes that a reload fixes by asking for the password or name. */
export const RENEWABLE = new Set(["password_required", "name_required"]);

/** Whether the link accepts no uploads (any more). @param {string | null} code */
export function isClosed(code) {
  return code?.startsWith("link_") ?? false;
}

/** Whether the drop refuses every file, not only this one. @param {string | null} code */
export function isShut(code) {
  return isClosed(code) || RENEWABLE.has(code);
}

// What Immich takes, up to 3.2.
const VIDEO = /\.(3gpp?|avi|flv|insv|m2ts?|m4v|mkv|mov|mp[4e]|mpe?g|mts|mxf|ts|vob|webm|wmv)$/i;
const PHOTO =
  /\.(3fr|ar[iw]|avif|bmp|c[ai][pn]|cr[23w]|dcr|dng|erf|fff|gif|hei[cf]|hif|iiq|insp|jp[2eg]|jpeg|jxl|k25|kdc|mpo|mrw|nef|nrw|or[fi]|pef|png|psd|ra[fw]|rw[2l]|sr[2fw]|svg|tiff?|webp|x3f)$/i;

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
 * The file's name, with an extension. Android's providers may give only a number as the name, but
 * Immich goes by the extension.
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
