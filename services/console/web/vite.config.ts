import preact from "@preact/preset-vite";
import { defineConfig } from "vite";

// `npm run dev` proxies the API to a console that runs already: RACKTWIN_CONSOLE=http://127.0.0.1:8090 npm run dev
declare const process: { env: Record<string, string | undefined> };
const api = process.env["RACKTWIN_CONSOLE"] ?? "http://127.0.0.1:8090";

export default defineConfig({
  plugins: [preact()],
  build: {
    target: "es2022",
    // The page's policy allows scripts from its own origin alone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
    rollupOptions: { output: { manualChunks: { three: ["three"] } } },
  },
  server: { proxy: { "/api": { target: api, ws: true } } },
});
