/** Wires the page: cache, live events, router, theme. */
import "@mantine/core/styles/default-css-variables.css";
import "@mantine/core/styles/UnstyledButton.css";
import "@mantine/core/styles/Button.css";
import "@mantine/core/styles/Loader.css";
import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/mantine.css";

import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { Live } from "./api/live";
import { LiveContext } from "./api/LiveContext";
import { Problem } from "./api/problem";
import { projectsQuery } from "./api/queries";
import { colorSchemes, theme } from "./components/theme";
import { canonicalPath } from "./lib/project";
import { createPageRouter } from "./router";

const canonical = canonicalPath(location.pathname);
if (canonical !== location.pathname) history.replaceState(history.state, "", canonical + location.search + location.hash);

const cache = new QueryClient({
  defaultOptions: {
    queries: {
      // Events keep it fresh.
      staleTime: Infinity,
      refetchOnWindowFocus: false,
      retry: (failures, error) => failures < 2 && !(error instanceof Problem && error.status >= 400 && error.status < 500),
    },
    mutations: { retry: false },
  },
});
const live = new Live(cache);
live.start();
// Before all else: whether there are several is seen in the rail.
void cache.query(projectsQuery).catch(() => undefined);
const router = createPageRouter(cache);

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        colorSchemeManager={colorSchemes}
        defaultColorScheme="auto"
        withCssVariables={false}
        withGlobalClasses={false}
      >
        <QueryClientProvider client={cache}>
          <LiveContext value={live}>
            <RouterProvider router={router} />
          </LiveContext>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
