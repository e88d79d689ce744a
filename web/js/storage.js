// Small values that are convenient to remember; where storage is blocked, they are lost when the
// page closes.

const local = () => localStorage; // throws where storage is blocked

/** @param {string} key @param {() => Storage} [storage] */
export function recall(key, storage = local) {
  try {
    return storage().getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string} value @param {() => Storage} [storage] */
export function remember(key, value, storage = local) {
  try {
    storage().setItem(key, value);
  } catch {
    // blocked
  }
}
