const BYTE_UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
const KILOBYTE = 1; // the smallest unit worth showing

/** Numbers, sizes and times in one language. */
export class Format {
  /** @type {Map<string, Intl.NumberFormat>} creating one costs more than a thousand uses of it */
  #numbers = new Map();
  #lang;
  #plural;
  #list;
  #clock;

  /** @param {string} lang BCP 47 */
  constructor(lang) {
    this.#lang = lang;
    this.#plural = new Intl.PluralRules(lang);
    this.#list = new Intl.ListFormat(lang, { type: "conjunction" });
    this.#clock = new Intl.DateTimeFormat(lang, { hour: "numeric", minute: "2-digit" });
  }

  /** @param {number} n */
  category(n) {
    return this.#plural.select(n);
  }

  /** @param {number} n */
  count(n) {
    return this.#number(n, {});
  }

  /** @param {number} share 0 to 1 */
  percent(share) {
    return this.#number(Math.floor(share * 100) / 100, { style: "percent" });
  }

  /** @param {string[]} parts "a, b and c" */
  list(parts) {
    return this.#list.format(parts);
  }

  /** @param {number} ms since 1970 */
  clock(ms) {
    return this.#clock.format(ms);
  }

  /** @param {number} bytes in powers of 1000, as phones count */
  bytes(bytes) {
    const shown = bytes > 0 ? Math.max(bytes, 1000) : 0; // "0 kB" would mean an empty file
    return this.#size(shown, power(shown), true);
  }

  /**
   * Two sizes in the unit of the larger one, so that "1.1 of 3.4 GB" names the unit once.
   *
   * @param {number} part
   * @param {number} whole
   */
  bytesOf(part, whole) {
    const unit = power(whole);
    return { done: this.#size(part, unit, false), total: this.#size(whole, unit, true) };
  }

  /** @param {number} seconds a minute or more; rounded as people would say it */
  duration(seconds) {
    const minutes = Math.round(seconds / 60);
    if (minutes < 90) {
      const said = minutes > 20 ? Math.round(minutes / 5) * 5 : Math.max(1, minutes);
      return this.#number(said, { style: "unit", unit: "minute", unitDisplay: "short" });
    }
    const hours = Math.round(minutes / 30) / 2;
    return this.#number(hours, { style: "unit", unit: "hour", unitDisplay: "short" });
  }

  /**
   * @param {number} bytes
   * @param {number} unit index into BYTE_UNITS
   * @param {boolean} named
   */
  #size(bytes, unit, named) {
    const value = bytes / 1000 ** unit;
    const digits = unit > 1 && value < 100 ? 1 : 0;
    /** @type {Intl.NumberFormatOptions} */
    const style = named ? { style: "unit", unit: BYTE_UNITS[unit], unitDisplay: "short" } : {};
    return this.#number(value, { ...style, maximumFractionDigits: digits });
  }

  /**
   * @param {number} n
   * @param {Intl.NumberFormatOptions} options
   */
  #number(n, options) {
    const key = JSON.stringify(options);
    let format = this.#numbers.get(key);
    if (!format) {
      format = new Intl.NumberFormat(this.#lang, options);
      this.#numbers.set(key, format);
    }
    return format.format(n);
  }
}

/** @param {number} bytes */
function power(bytes) {
  let unit = KILOBYTE;
  while (unit < BYTE_UNITS.length - 1 && bytes >= 999.5 * 1000 ** unit) unit += 1;
  return unit;
}
