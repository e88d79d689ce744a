// Upload one file with tus-js-client as the task in the first argument says; print what happened.
//
// Buffers, not streams: tus-js-client 4.3.1 loses bytes of a stream when it sends a chunk again.

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { FileUrlStorage, Upload } from "tus-js-client";

const { endpoint, file, abortAt, terminate, resume, urls, url, ...rest } = JSON.parse(
  process.argv[2] ?? "{}",
);

/** @type {{url: string | null, done: boolean, retries: number, started: number | null}} */
const told = { url: null, done: false, retries: 0, started: null };

await new Promise((resolve, reject) => {
  const upload = new Upload(readFileSync(file), {
    endpoint,
    chunkSize: 100_000,
    retryDelays: Array(20).fill(5),
    metadata: { filename: basename(file), filetype: "image/jpeg" },
    ...(url && { uploadUrl: url }),
    ...(urls && { urlStorage: new FileUrlStorage(urls), storeFingerprintForResuming: true }),
    ...rest,
    onSuccess: () => resolve((told.done = true)),
    onError: reject,
    onShouldRetry: () => Boolean(++told.retries),
    onAfterResponse: () => {
      told.url = upload.url;
    },
    onProgress: (sent) => {
      told.started ??= sent;
    },
    onChunkComplete: (_size, accepted) => {
      if (abortAt && accepted >= abortAt) {
        upload.abort(Boolean(terminate)).then(resolve, reject);
      }
    },
  });
  const begin = async () => {
    if (resume) {
      const [previous] = await upload.findPreviousUploads();
      upload.resumeFromPreviousUpload(previous);
    }
    upload.start();
  };
  begin().catch(reject);
});

console.log(JSON.stringify(told));
