// SHA-1 (RFC 3174) of a file that is read in pieces. crypto.subtle needs all bytes at once and is
// missing on plain http; WebAssembly would need a weaker Content-Security-Policy.

export class Sha1 {
  #state = new Int32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]);
  #words = new Int32Array(80);
  #rest = new Uint8Array(64);
  #filled = 0;
  #length = 0;

  /** @param {Uint8Array} bytes */
  update(bytes) {
    this.#length += bytes.length;
    let at = 0;
    if (this.#filled) {
      at = Math.min(64 - this.#filled, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#filled);
      this.#filled += at;
      if (this.#filled < 64) return this;
      this.#block(this.#rest, 0);
    }
    for (; at + 64 <= bytes.length; at += 64) this.#block(bytes, at);
    this.#rest.set(bytes.subarray(at));
    this.#filled = bytes.length - at;
    return this;
  }

  /** Finish and return the digest; nothing can be added afterwards. */
  hex() {
    const bits = this.#length * 8;
    const tail = new Uint8Array((this.#filled < 56 ? 64 : 128) - this.#filled);
    tail[0] = 0x80;
    const view = new DataView(tail.buffer);
    view.setUint32(tail.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(tail.length - 4, bits >>> 0);
    this.update(tail);
    return Array.from(this.#state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  /**
   * @param {Uint8Array} bytes
   * @param {number} at
   */
  #block(bytes, at) {
    // Indexed reads of typed arrays are never undefined here; the checker cannot know.
    const [w, b] = /** @type {any[]} */ ([this.#words, bytes]);
    for (let t = 0, i = at; t < 16; t++, i += 4)
      w[t] = (b[i] << 24) | (b[i + 1] << 16) | (b[i + 2] << 8) | b[i + 3];
    for (let t = 16; t < 80; t++) {
      const x = w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16];
      w[t] = (x << 1) | (x >>> 31);
    }
    rounds(w, /** @type {any} */ (this.#state));
  }
}

/**
 * One loop for each of the four round functions: twice as fast as one loop that selects it.
 *
 * @param {any} w
 * @param {any} s
 */
function rounds(w, s) {
  let [a, b, c, d, e] = [s[0], s[1], s[2], s[3], s[4]];
  let t = 0;
  let x = 0;
  for (; t < 20; t++) {
    x = (((a << 5) | (a >>> 27)) + (d ^ (b & (c ^ d))) + e + w[t] + 0x5a827999) | 0;
    [e, d, c, b, a] = [d, c, (b << 30) | (b >>> 2), a, x];
  }
  for (; t < 40; t++) {
    x = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + w[t] + 0x6ed9eba1) | 0;
    [e, d, c, b, a] = [d, c, (b << 30) | (b >>> 2), a, x];
  }
  for (; t < 60; t++) {
    x = (((a << 5) | (a >>> 27)) + ((b & c) | (d & (b | c))) + e + w[t] + 0x8f1bbcdc) | 0;
    [e, d, c, b, a] = [d, c, (b << 30) | (b >>> 2), a, x];
  }
  for (; t < 80; t++) {
    x = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + w[t] + 0xca62c1d6) | 0;
    [e, d, c, b, a] = [d, c, (b << 30) | (b >>> 2), a, x];
  }
  s[0] += a;
  s[1] += b;
  s[2] += c;
  s[3] += d;
  s[4] += e;
}
