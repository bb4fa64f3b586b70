/// <reference types="vitest/config" />
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `npm run dev` finds the API. */
const server = process.env.RIGI_URL ?? "http://127.0.0.1:7444";

export default defineConfig({
  plugins: [react()],
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
