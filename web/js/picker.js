/** @import {Picked} from "./types.js" */

const HINT_AFTER = 8000; // ms of "Preparing…" before it explains itself
const GIVE_UP = 90_000; // ms; a phone that says neither `change` nor `cancel` gets its button back

/**
 * The two ways to choose: the photo library, and plain files.
 *
 * The inputs are outside of any label or clickable ancestor: otherwise browsers open the picker
 * twice (react-dropzone #182, #1107). There is no `capture`: a photo taken through it has neither
 * date nor name. iOS and Android show nothing while they prepare the files, so the button does.
 *
 * Dispatches `pick` (detail: Picked[]), `hint` when it takes long, and `cancel`.
 */
export class Picker extends EventTarget {
  #page;
  #media;
  #files;
  /** @type {AbortController | null} set while the phone's picker is open */
  #pending = null;

  /**
   * @param {object} parts
   * @param {Document} parts.page its `[data-pick]` buttons open a picker
   * @param {HTMLInputElement} parts.media
   * @param {HTMLInputElement} parts.files
   */
  constructor({ page, media, files }) {
    super();
    this.#page = page;
    this.#media = media;
    this.#files = files;
    page.addEventListener("click", ({ target }) => {
      const button = target instanceof Element ? target.closest("[data-pick]") : null;
      if (button) this.#open(button.getAttribute("data-pick"));
    });
    for (const input of [media, files]) {
      input.value = ""; // Firefox keeps the selection over a reload
      input.addEventListener("change", () => this.#take([...(input.files ?? [])].map(bare)));
      input.addEventListener("cancel", () => this.#take([]));
    }
  }

  /** @param {string | null} source */
  #open(source) {
    if (this.#pending) return;
    this.#begin();
    if (source === "files" && "showOpenFilePicker" in window) this.#openHandles();
    else {
      const input = source === "files" ? this.#files : this.#media;
      input.value = ""; // otherwise choosing the same files again would not fire `change`
      input.click();
    }
  }

  /** Chromium: with handles the files can be reopened after a reload. */
  async #openHandles() {
    try {
      const handles = await /** @type {FilePickerWindow} */ (
        /** @type {unknown} */ (window)
      ).showOpenFilePicker({
        multiple: true,
      });
      this.#take((await Promise.all(handles.map(reopenable))).flat());
    } catch {
      this.#take([]); // dismissed
    }
  }

  #begin() {
    this.#pending = new AbortController();
    const { signal } = this.#pending;
    const phone = matchMedia("(pointer: coarse)").matches;
    const hint = setTimeout(() => phone && this.dispatchEvent(new Event("hint")), HINT_AFTER);
    const end = setTimeout(() => this.#end(), GIVE_UP);
    signal.addEventListener("abort", () => {
      clearTimeout(hint);
      clearTimeout(end);
    });
    if (phone) this.#busy(true);
  }

  #end() {
    this.#pending?.abort();
    this.#pending = null;
    this.#busy(false);
  }

  /** @param {Picked[]} picked */
  #take(picked) {
    this.#end();
    const type = picked.length > 0 ? "pick" : "cancel";
    this.dispatchEvent(new CustomEvent(type, { detail: picked }));
  }

  /** @param {boolean} busy */
  #busy(busy) {
    for (const button of this.#page.querySelectorAll("[data-pick]")) {
      button.classList.toggle("busy", busy);
      button.setAttribute("aria-disabled", String(busy));
    }
  }
}

/** @typedef {{showOpenFilePicker: (options: object) => Promise<FileSystemFileHandle[]>}} FilePickerWindow */

/** @param {File} file @returns {Picked} */
function bare(file) {
  return { file, handle: null };
}

/** @param {FileSystemFileHandle} handle @returns {Promise<Picked[]>} empty if it cannot be read */
async function reopenable(handle) {
  try {
    return [{ file: await handle.getFile(), handle }];
  } catch {
    return []; // it was deleted, or its cloud is out of reach: the other files are still added
  }
}
