// The composition root: finds the elements, creates the parts, connects them.

import { layOut } from "./collage.js";
/** @import {Commands, Config, Picked, Summary} from "./types.js" */
/** @import {Words} from "./i18n.js" */
/** @import {Uploads} from "./uploads.js" */
import { Drop, isLitter } from "./drop.js";
import { start } from "./engine.js";
import { configure, Host, regret } from "./host.js";
import { isApple, isInApp, showWayOut } from "./inapp.js";
import { offerLanguages, speak } from "./language.js";
import { List } from "./list.js";
import { askName } from "./name.js";
import { Notice } from "./notice.js";
import { Overview, SETTLED } from "./overview.js";
import { Picker } from "./picker.js";
import { Say } from "./say.js";
import { element, setStage } from "./stage.js";
import { Thumbs } from "./thumbs.js";

const TOGETHER = 400; // ms in which files that are picked again share one message

/** @type {Partial<Record<Summary["phase"], string>>} what gets the keyboard focus */
const FOCUS = {
  empty: ".start [data-pick]",
  held: "#name",
  delivering: "#thanks",
  done: "#thanks",
};

open();

async function open() {
  const starting = configure()
    .then(start)
    .catch((/** @type {unknown} */ error) => ({ error }));
  const words = await speak(async (lang) => (await import(`./lang/${lang}.js`)).default);
  const engine = await starting;
  offerLanguages(element("#language"), words);
  openDialogs();
  if ("error" in engine) regret(engine.error, words);
  else welcome(engine, words);
}

/** @param {{uploads: Uploads, commands: Commands, config: Config}} engine @param {Words} words */
function welcome({ uploads, commands, config }, words) {
  const host = new Host(config, words);
  host.introduce();
  const say = new Say({ status: element("#status"), alert: element("#alert"), words });
  const notice = new Notice(element("#notice"), words, say);
  const overview = new Overview({ root: document.body, uploads, words });
  const rows = { root: element("#list"), template: element("#row"), thumbs: new Thumbs() };
  new List({ ...rows, uploads, commands, words });
  overview.addEventListener("summary", (event) => {
    const summary = /** @type {CustomEvent<Summary>} */ (event).detail;
    say.listen(summary);
    host.entitle(summary);
  });
  overview.addEventListener("phase", (event) => {
    turn(/** @type {CustomEvent<Summary>} */ (event).detail, uploads);
  });
  askName(element("#guest"), config.guestName, commands.introduce);
  overview.draw();
  receive(commands, notice);
  obey(commands);
  remind(uploads, notice);
  if (isInApp(navigator.userAgent)) showWayOut(element("#inapp"), () => notice.show("copied"));
}

/** Show the next phase, and place the focus. @param {Summary} summary @param {Uploads} uploads */
function turn({ phase }, uploads) {
  const before = document.body.dataset.phase ?? "";
  const focused = document.activeElement;
  setStage(phase);
  if (SETTLED.has(phase) && !SETTLED.has(before)) {
    layOut(element("#memories"), uploads.items.values());
    scrollTo({ top: 0 });
  }
  if (before === "loading") return;
  const hidden = focused instanceof HTMLElement && focused.offsetParent === null;
  const lost = hidden && focused !== document.body;
  if (before === "empty" || before === "held" || lost) element(FOCUS[phase] ?? "#headline").focus();
}

/**
 * Pass files that the guest picks, drops or pastes to the engine at once.
 *
 * @param {Commands} commands
 * @param {Notice} notice
 */
function receive(commands, notice) {
  const picker = new Picker({
    page: document,
    media: element("#media"),
    files: element("#files"),
  });
  const drop = new Drop({ page: document, overlay: element("#overlay") });
  for (const source of [picker, drop]) {
    source.addEventListener("pick", (event) => {
      const picked = /** @type {CustomEvent<Picked[]>} */ (event).detail;
      const meant = picked.filter((one) => !isLitter(one));
      notice.hide();
      if (meant.length > 0) commands.add(meant);
      else notice.show("noneHere");
    });
  }
  picker.addEventListener("hint", () => notice.show("preparingHint"));
  picker.addEventListener("cancel", () => {
    notice.hide();
    if (isApple(navigator)) notice.show("cloudHint");
  });
}

/** Connect the buttons that name a command. @param {Commands} commands */
function obey({ nudge, pause, resume, retryAll, reopen, cancelAll }) {
  /** @type {Record<string, () => void>} */
  const does = {
    nudge,
    pause,
    resume,
    retryAll,
    reopen,
    cancelAll,
    renew: () => location.reload(),
  };
  document.addEventListener("click", ({ target }) => {
    const button = target instanceof Element ? target.closest("[data-do]") : null;
    does[button?.getAttribute("data-do") ?? ""]?.();
  });
}

/**
 * Picking a file twice changes nothing on the page, so a message tells the guest.
 *
 * @param {Uploads} uploads
 * @param {Notice} notice
 */
function remind(uploads, notice) {
  let n = 0;
  let timer = 0;
  uploads.addEventListener("again", () => {
    n += 1;
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      notice.show("pickedAgain", { n });
      n = 0;
    }, TOGETHER);
  });
}

function openDialogs() {
  for (const name of ["help", "phone", "stop"]) {
    const dialog = element(`dialog#${name}`);
    element(`[data-do=${name}]`).addEventListener("click", () => dialog.showModal());
    dialog.addEventListener("click", (/** @type {Event} */ { target }) => {
      const away = target === dialog; // a click on the backdrop
      if (away || (target instanceof Element && target.closest("[data-close]"))) dialog.close();
    });
  }
}
