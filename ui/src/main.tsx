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
import { MutationCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { lazy, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";

import { accountQuery } from "./api/account";
import { keys } from "./api/keys";
import { Live } from "./api/live";
import { LiveContext } from "./api/LiveContext";
import { Problem } from "./api/problem";
import { projectsQuery } from "./api/queries";
import { colorSchemes, theme } from "./components/theme";
import { canonicalPath } from "./lib/project";
import { createPageRouter } from "./router";

const canonical = canonicalPath(location.pathname);
if (canonical !== location.pathname) history.replaceState(history.state, "", canonical + location.search + location.hash);

const cache: QueryClient = new QueryClient({
  mutationCache: new MutationCache({
    // What was offered and is refused tells that somebody's role has changed.
    onError: (error) => {
      if (!(error instanceof Problem) || error.status !== 403) return;
      void cache.invalidateQueries({ queryKey: keys.account });
      void cache.invalidateQueries({ queryKey: keys.projects, exact: true });
    },
  }),
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

const Join = lazy(() => import("./components/door/Join"));

/** Pages, and the events that keep them fresh. */
function buildPage() {
  const live = new Live(cache);
  live.start();
  // Before all else: what is in the rail depends on who this is, and on whether there are several projects.
  void cache.query(accountQuery).catch(() => undefined);
  void cache.query(projectsQuery).catch(() => undefined);
  return (
    <LiveContext value={live}>
      <RouterProvider router={createPageRouter(cache)} />
    </LiveContext>
  );
}

// A link's page has nothing of the others: whoever opens it may be nobody yet.
const page =
  location.pathname === "/join" ? (
    <Suspense>
      <Join />
    </Suspense>
  ) : (
    buildPage()
  );

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
        <QueryClientProvider client={cache}>{page}</QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
