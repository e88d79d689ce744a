// The languages of the page and of its door, without a page.

import { Words } from "../../../web/js/i18n.js";

/** @typedef {import("../../../web/js/i18n.js").Dictionary} Dictionary */
/** @typedef {import("../../../web/js/door.js").DoorDictionary} DoorDictionary */

/** @param {string} lang @returns {Promise<Dictionary>} */
export const ofPage = async (lang) => (await import(`../../../web/js/lang/${lang}.js`)).default;

/** @param {string} lang @returns {Promise<DoorDictionary>} */
export const ofDoor = async (lang) =>
  (await import(`../../../web/js/lang/door/${lang}.js`)).default;

/** @param {string} lang */
export const wordsIn = async (lang) => new Words(lang, await ofPage(lang), ofPage);
