const IN_APP = /FBAN|FBAV|Instagram|Line\/|TikTok|musical_ly|Snapchat|; wv\)/;

/**
 * Whether this is a browser inside another app: uploads work there only until the app closes it.
 *
 * @param {string} userAgent
 */
export function isInApp(userAgent) {
  return IN_APP.test(userAgent);
}

/** An iPhone, or an iPad, which calls itself a Macintosh. @param {Navigator} navigator */
export function isApple({ userAgent, maxTouchPoints }) {
  return /iPhone|iPad|Macintosh/.test(userAgent) && maxTouchPoints > 1;
}

/** Show how to leave for a real browser. @param {HTMLElement} bar @param {() => void} copied */
export function showWayOut(bar, copied) {
  bar.hidden = false;
  bar.querySelector("button")?.addEventListener("click", () => copy(location.href, bar, copied));
  const open = /** @type {HTMLAnchorElement} */ (bar.querySelector("a"));
  if (!/Android/.test(navigator.userAgent)) return;
  const scheme = location.protocol.slice(0, -1);
  open.href = `intent://${location.href.split("://")[1]}#Intent;scheme=${scheme};end`;
  open.hidden = false;
}

/** @param {string} text @param {HTMLElement} beside @param {() => void} copied */
async function copy(text, beside, copied) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else {
    const field = document.createElement("textarea"); // there is no clipboard API on plain http
    field.value = text;
    field.className = "unseen";
    beside.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  copied();
}
