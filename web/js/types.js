// The types that the page's modules share. Types only: nothing here runs.

/**
 * The state of one of the guest's files, as the page sees it.
 *
 * - `waiting`      in the queue
 * - `uploading`    bytes are on their way to the server
 * - `offline`      interrupted or stalled; goes on by itself
 * - `paused`       the guest paused
 * - `interrupted`  known from before a reload; its file must be picked again (or reopened) to go on
 * - `received`     safe on the server: on its way to Immich, or waiting for Immich
 * - `stored`       in Immich
 * - `duplicate`    was in Immich already
 * - `failed`       needs attention; `code` says why
 *
 * @typedef {"waiting" | "uploading" | "offline" | "paused" | "interrupted" | "received" | "stored" | "duplicate" | "failed"} ItemState
 */

/**
 * One file the guest chose.
 *
 * @typedef {object} Item
 * @property {string} id       made by the page, unguessable; the server's `item`
 * @property {File | null} file  null when only remembered
 * @property {string} name
 * @property {number} size     bytes
 * @property {"photo" | "video" | "file"} kind
 * @property {ItemState} state
 * @property {number} acked    bytes the server has confirmed
 * @property {number} flying   bytes handed to the network beyond `acked`
 * @property {number} sent     bytes on their way from the server to Immich, while `received`
 * @property {string | null} code  why it failed or waits (the server's codes, and `unreadable`)
 * @property {boolean} mendable  failed, and "try again" may help
 * @property {number | null} retryAt  ms since 1970: the next attempt by itself
 * @property {string | null} upload  the server's id, once known
 * @property {boolean} reopenable  interrupted, and `reopen()` may bring its file back without a pick
 */

/**
 * The overall state, for the ring and the line.
 *
 * @typedef {object} Summary
 * @property {number} count    files
 * @property {number} photos   of `done`, how many are photos
 * @property {number} videos   of `done`, how many are videos
 * @property {number} done     stored or duplicate
 * @property {number} duplicates
 * @property {number} safe     received, stored or duplicate: the guest may close the page for them
 * @property {number} failed
 * @property {number} interrupted
 * @property {number} active   uploading now
 * @property {number} bytes    of all files that are not failed
 * @property {number} acked    bytes the server has confirmed of those
 * @property {"empty" | "held" | "uploading" | "offline" | "paused" | "attention" | "delivering" | "done"} phase
 *   `held`: nothing is sent before the guest gives a name; `attention`: nothing runs, something
 *   failed or is interrupted; `delivering`: everything is received, and the guest may close the
 *   page; `done`: everything is in Immich
 * @property {string | null} code  while `offline`: why the server lets all wait; null: it does not answer
 * @property {number | null} eta  seconds, or null while unknown
 */

/**
 * An upload as the server reports it (in snapshots and events).
 *
 * @typedef {object} ServerUpload
 * @property {string} id
 * @property {string | null} item
 * @property {string} name
 * @property {number | null} length
 * @property {number} offset
 * @property {"receiving" | "received" | "stored" | "duplicate" | "failed"} state
 * @property {number} sent
 * @property {string | null} code
 * @property {string | null} retryAt  ISO 8601
 */

/**
 * `GET api/config`
 *
 * @typedef {object} Config
 * @property {string} title
 * @property {string} message
 * @property {boolean} shared      a shared link of Immich, so others who have it can see the files
 * @property {number} maxFileSize  bytes
 * @property {number} maxChunk     bytes that every proxy on the way lets through in one request
 * @property {string[]} extensions lower case, with the dot
 * @property {boolean} precheck    `POST api/known` is worth asking
 * @property {"off" | "optional" | "required"} guestName
 */

/**
 * What the user interface may ask of the engine (queue.js implements it).
 *
 * @typedef {object} Commands
 * @property {(picked: Iterable<Picked>) => void} add  also matches files that are picked again with interrupted items
 * @property {(name: string) => void} introduce  the guest's name for uploads created from now on; empty: none
 * @property {() => void} pause
 * @property {() => void} resume
 * @property {(id: string) => void} remove   stop, tell the server to forget it, drop the item
 * @property {() => void} cancelAll          every item that is not safe yet
 * @property {(id: string) => void} retry    one failed item
 * @property {() => void} retryAll
 * @property {() => void} nudge              retry at once: the guest tapped, or the network is back
 * @property {() => Promise<void>} reopen    go on with interrupted items from stored file handles (needs a tap)
 */

/**
 * A file from a picker, a drop or a paste.
 *
 * @typedef {object} Picked
 * @property {File} file
 * @property {FileSystemFileHandle | null} handle  where the browser gives one
 */

export {};
