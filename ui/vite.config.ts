/// <reference types="vitest/config" />
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, gzipSync } from "node:zlib";

import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Where `npm run dev` finds the API. */
const server = process.env.RIGI_URL ?? "http://127.0.0.1:7444";

/** What is served packed lies packed in the binary: it is smaller by a megabyte, and nothing is packed while people wait. */
function packed(): Plugin {
  let folder = "";
  return {
    name: "packed",
    apply: "build",
    configResolved: ({ root, build }) => void (folder = join(root, build.outDir, "assets")),
    closeBundle: () => {
      for (const name of readdirSync(folder).filter((name) => /\.(js|css)$/.test(name))) {
        const file = join(folder, name);
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: constants.Z_BEST_COMPRESSION }));
        rmSync(file);
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), packed()],
  worker: { format: "es" },
  build: {
    target: "es2022",
    // Inlined assets would be `data:` addresses, which the page's content policy does not allow for fonts.
    assetsInlineLimit: 0,
    cssCodeSplit: true,
    chunkSizeWarningLimit: 400,
  },
  server: { proxy: { "/api": server, "/docs": server } },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
