import { defineConfig } from "vite";

// One classic script and one stylesheet: a page that was opened from a file may load scripts, but neither modules nor anything by fetch.
export default defineConfig({
  build: {
    outDir: process.env.SITE_OUT ?? "../eltflow/report/site/assets",
    emptyOutDir: true,
    target: "es2022",
    cssTarget: "chrome111",
    modulePreload: false,
    lib: { entry: "src/main.tsx", name: "eltflowSite", formats: ["iife"], fileName: () => "site.js", cssFileName: "site" },
  },
  define: { "process.env.NODE_ENV": JSON.stringify("production") },
});
