// Builds the engine from its parts, and passes them what they need of the browser's globals.

/** @import {Commands, Config} from "./types.js" */
import { ChunkSize } from "./chunk.js";
import { Hasher } from "./hasher.js";
import { sender } from "./http.js";
import { Journal } from "./journal.js";
import { Known } from "./known.js";
import { Progress } from "./progress.js";
import { Queue } from "./queue.js";
import { session as sessionOf } from "./session.js";
import { Tus } from "./tus.js";
import { Uploads } from "./uploads.js";
import { keepAwake } from "./wake.js";

const MIB = 2 ** 20;
const SECOND_LOOK = 6000; // ms after which a lack of progress shows that a connection is dead

/**
 * @param {Config} config
 * @returns {Promise<{uploads: Uploads, commands: Commands, config: Config}>}
 */
export async function start(config) {
  const base = new URL(".", location.href); // the page's own address, up to the last slash
  const phone = matchMedia("(pointer: coarse)").matches; // small chunks, read into memory
  const [session, journal] = await Promise.all([
    sessionOf({ path: base.pathname }),
    Journal.open(`drop${base.pathname}`),
  ]);
  const send = sender();
  const uploads = new Uploads();
  const tus = new Tus({ endpoint: new URL("files/", base), send });
  const chunk = new ChunkSize({
    start: (phone ? 4 : 16) * MIB,
    ceiling: phone ? Math.min(16 * MIB, config.maxChunk) : config.maxChunk,
  });
  const recovered = () => {
    commands.wake();
    progress.hurry();
  };
  const commands = new Queue({
    gear: { uploads, tus, chunk, session, buffered: phone, random: Math.random, recovered },
    journal,
    hasher: new Hasher(),
    known: config.precheck ? new Known({ url: new URL("api/known", base), session, send }) : null,
    config,
    redeliver: async (id) => {
      const url = new URL(`api/uploads/${id}/retry`, base);
      const headers = { "Drop-Session": session };
      const answer = await send({ method: "POST", url, headers }).catch(() => null);
      return answer?.status === 204;
    },
    resync: () => progress.connect(),
  });
  commands.restore(await journal.all(session));
  const progress = new Progress({
    ...{ uploads, session, base, send },
    cut: () => commands.doubt(),
    recovered: () => commands.wake(),
  });
  watch({ commands, journal, progress });
  keepAwake(uploads);
  return { uploads, commands, config };
}

/**
 * Phones freeze pages and change networks; when the page or the network comes back, retry at once.
 *
 * @param {{commands: Commands, journal: Journal, progress: Progress}} parts
 */
function watch({ commands, journal, progress }) {
  const hope = () => {
    commands.nudge();
    progress.connect();
    setTimeout(() => commands.nudge(), SECOND_LOOK);
  };
  progress.connect();
  addEventListener("online", hope);
  addEventListener("pageshow", ({ persisted }) => persisted && hope());
  addEventListener("pagehide", () => journal.flush());
  document.addEventListener("visibilitychange", () => (document.hidden ? journal.flush() : hope()));
}
