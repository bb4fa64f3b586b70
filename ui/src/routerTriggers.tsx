/** Pages of what starts runs beside schedules, and of who is told of them. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { compact, one, type Raw } from "./lib/search";
import type { Root } from "./router";

/** What starts runs because something has happened. */
export function buildTriggers(root: Root) {
  const triggers = createRoute({
    getParentRoute: () => root,
    path: "/triggers",
    component: lazyRouteComponent(() => import("./routes/Triggers"), "Triggers"),
  });
  // No pipeline is called so.
  const made = createRoute({
    getParentRoute: () => root,
    path: "/triggers/-/new",
    validateSearch: (raw: Raw) => compact({ pipeline: one(raw.pipeline) }),
    component: lazyRouteComponent(() => import("./routes/SetTrigger"), "MakeTrigger"),
  });
  const trigger = createRoute({
    getParentRoute: () => root,
    path: "/triggers/$pipeline/$id",
    component: lazyRouteComponent(() => import("./routes/Trigger"), "Trigger"),
  });
  const change = createRoute({
    getParentRoute: () => root,
    path: "/triggers/$pipeline/$id/change",
    component: lazyRouteComponent(() => import("./routes/SetTrigger"), "ChangeTrigger"),
  });
  return [triggers, made, trigger, change] as const;
}

/** What starts runs because a program says so. */
export function buildWebhooks(root: Root) {
  const webhooks = createRoute({
    getParentRoute: () => root,
    path: "/webhooks",
    component: lazyRouteComponent(() => import("./routes/Webhooks"), "Webhooks"),
  });
  // No webhook has an address of this form, whatever it is called.
  const made = createRoute({
    getParentRoute: () => root,
    path: "/webhooks/-/new",
    validateSearch: (raw: Raw) => compact({ pipeline: one(raw.pipeline) }),
    component: lazyRouteComponent(() => import("./routes/SetWebhook"), "MakeWebhook"),
  });
  const webhook = createRoute({
    getParentRoute: () => root,
    path: "/webhooks/$name",
    validateSearch: (raw: Raw) => compact({ delivery: one(raw.delivery) }),
    component: lazyRouteComponent(() => import("./routes/Webhook"), "Webhook"),
  });
  const change = createRoute({
    getParentRoute: () => root,
    path: "/webhooks/$name/change",
    component: lazyRouteComponent(() => import("./routes/SetWebhook"), "ChangeWebhook"),
  });
  return [webhooks, made, webhook, change] as const;
}

/** Who is told of what. */
export function buildNotices(root: Root) {
  const notices = createRoute({
    getParentRoute: () => root,
    path: "/notices",
    validateSearch: (raw: Raw) => compact({ tab: one(raw.tab), state: one(raw.state) }),
    component: lazyRouteComponent(() => import("./routes/Notices"), "Notices"),
  });
  const channel = createRoute({
    getParentRoute: () => root,
    path: "/notices/channels/$channel",
    component: lazyRouteComponent(() => import("./routes/Channel"), "Channel"),
  });
  const made = createRoute({
    getParentRoute: () => root,
    path: "/notices/rules/-/new",
    component: lazyRouteComponent(() => import("./routes/SetRule"), "MakeRule"),
  });
  const change = createRoute({
    getParentRoute: () => root,
    path: "/notices/rules/$rule/change",
    component: lazyRouteComponent(() => import("./routes/SetRule"), "ChangeRule"),
  });
  return [notices, channel, made, change] as const;
}
