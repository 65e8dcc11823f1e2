import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { lighter } from "./lighter.js";
import { records } from "./records.js";

// Relative addresses: the page is served under a path with a token. Nothing is inlined, so that no script or style
// needs an exception in the content security policy. The names of the files are fixed, and so are their bytes: what is
// built can be compared with what is in the repository.
export default defineConfig({
  base: "./",
  plugins: [lighter(), react(), records()],
  build: {
    outDir: "../static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
    rollupOptions: {
      output: {
        entryFileNames: "assets/page.js",
        chunkFileNames: "assets/[name].js",
        assetFileNames: "assets/[name][extname]",
      },
    },
  },
});
