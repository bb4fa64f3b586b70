// Sends a file by tus-js-client, and prints where it is: node send.mjs ENDPOINT TOKEN FILE PARTS
import { createReadStream, statSync } from "node:fs";
import * as tus from "tus-js-client";

const [endpoint, token, path, parts] = process.argv.slice(2);
const upload = new tus.Upload(createReadStream(path), {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  metadata: { filename: "large.bin", filetype: "application/octet-stream" },
  uploadSize: parts === "1" ? statSync(path).size : undefined,
  parallelUploads: Number(parts),
  retryDelays: Array(40).fill(250),
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess: () => console.log(upload.url),
});
upload.start();
