// The composition root: finds the elements, makes the parts, connects them.

/** @import {Commands, Config, Picked, Summary} from "./types.js" */
/** @import {Key} from "./i18n.js" */
/** @import {Uploads} from "./uploads.js" */
import { Drop, isLitter } from "./drop.js";
import { start } from "./engine.js";
import { ask, Host, regret } from "./host.js";
import { isInApp, showWayOut } from "./inapp.js";
import { offerLanguages, speak } from "./language.js";
import { List } from "./list.js";
import { layOut } from "./memories.js";
import { Overview, SETTLED } from "./overview.js";
import { Picker } from "./picker.js";
import { Say } from "./say.js";
import { $, setStage } from "./stage.js";
import { Thumbs } from "./thumbs.js";

const TOGETHER = 400; // ms; what is picked together is said together

/** @type {Partial<Record<Summary["phase"], string>>} where the keyboard goes on */
const FOCUS = { empty: ".start [data-pick]", delivering: "#thanks", done: "#thanks" };

const starting = ask()
  .then((config) => start({ config }))
  .catch((/** @type {unknown} */ error) => ({ error }));
const words = await speak();
const say = new Say({ status: $("#status"), alert: $("#alert"), words });
const engine = await starting;
offerLanguages($("#language"), words);
openDialogs();
if ("error" in engine) regret(engine.error, words);
else welcome(engine);

/** @param {{uploads: Uploads, commands: Commands, config: Config}} engine */
function welcome({ uploads, commands, config }) {
  const host = new Host(config, words);
  host.introduce();
  const overview = new Overview({ root: document.body, uploads, words });
  const thumbs = new Thumbs();
  new List({ root: $("#list"), template: $("#row"), uploads, commands, words, thumbs });
  overview.addEventListener("summary", (event) => {
    const summary = /** @type {CustomEvent<Summary>} */ (event).detail;
    say.listen(summary);
    host.entitle(summary);
  });
  overview.addEventListener("phase", (event) => {
    turn(/** @type {CustomEvent<Summary>} */ (event).detail, uploads);
  });
  overview.draw();
  receive(commands);
  obey(commands);
  remind(uploads);
  if (isInApp(navigator.userAgent)) showWayOut($("#inapp"), () => notify("copied"));
}

/** To the next phase, without losing the keyboard. @param {Summary} summary @param {Uploads} uploads */
function turn({ phase }, uploads) {
  const before = document.body.dataset.phase ?? "";
  const focused = document.activeElement;
  setStage(phase);
  if (SETTLED.has(phase) && !SETTLED.has(before)) {
    layOut($("#memories"), uploads.items.values());
    scrollTo({ top: 0 });
  }
  if (before === "loading") return;
  const lost = focused instanceof HTMLElement && focused.offsetParent === null;
  if (before === "empty" || (lost && focused !== document.body))
    $(FOCUS[phase] ?? "#headline").focus();
}

/** What the guest picks, drops or pastes goes to the engine at once. @param {Commands} commands */
function receive(commands) {
  const picker = new Picker({ page: document, media: $("#media"), files: $("#files") });
  const drop = new Drop({ page: document, overlay: $("#overlay") });
  for (const source of [picker, drop]) {
    source.addEventListener("pick", (event) => {
      const picked = /** @type {CustomEvent<Picked[]>} */ (event).detail;
      const meant = picked.filter((one) => !isLitter(one));
      $("#notice").hidden = true;
      if (meant.length > 0) commands.add(meant);
      else notify("noneHere");
    });
  }
  picker.addEventListener("hint", () => notify("preparingHint"));
  picker.addEventListener("cancel", () => {
    $("#notice").hidden = true;
    if (isApple()) notify("cloudHint");
  });
}

/** An iPhone, or an iPad, which calls itself a Macintosh. */
function isApple() {
  return /iPhone|iPad|Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1;
}

/** The buttons that name a command. @param {Commands} commands */
function obey(commands) {
  const { nudge, pause, resume, retryAll, reopen, cancelAll } = commands;
  /** @type {Record<string, () => void>} */
  const does = { nudge, pause, resume, retryAll, reopen, cancelAll };
  document.addEventListener("click", ({ target }) => {
    const button = target instanceof Element ? target.closest("[data-do]") : null;
    does[button?.getAttribute("data-do") ?? ""]?.();
  });
}

/** A file that is picked twice changes nothing on the page, so it is said. @param {Uploads} uploads */
function remind(uploads) {
  let n = 0;
  let timer = 0;
  uploads.addEventListener("again", () => {
    n += 1;
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      notify("pickedAgain", { n });
      n = 0;
    }, TOGETHER);
  });
}

function openDialogs() {
  for (const name of ["help", "stop"]) {
    const dialog = /** @type {HTMLDialogElement} */ ($(`dialog#${name}`));
    $(`[data-do=${name}]`).addEventListener("click", () => dialog.showModal());
    dialog.addEventListener("click", ({ target }) => {
      const away = target === dialog; // the backdrop
      if (away || (target instanceof Element && target.closest("[data-close]"))) dialog.close();
    });
  }
}

/** @param {Key} key @param {import("./i18n.js").Values} [values] */
function notify(key, values) {
  const text = words.say(key, values);
  $("#notice").textContent = text;
  $("#notice").hidden = false;
  say.now(text);
}
