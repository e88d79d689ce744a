/** @import {Key, Values, Words} from "./i18n.js" */
/** @import {Say} from "./say.js" */

/** One line with news for the guest; also announced to screen readers. */
export class Notice {
  #place;
  #words;
  #say;

  /** @param {HTMLElement} place @param {Words} words @param {Say} say */
  constructor(place, words, say) {
    this.#place = place;
    this.#words = words;
    this.#say = say;
  }

  /** @param {Key} key @param {Values} [values] */
  show(key, values) {
    const text = this.#words.say(key, values);
    this.#place.textContent = text;
    this.#place.hidden = false;
    this.#say.now(text);
  }

  hide() {
    this.#place.hidden = true;
  }
}
