/** Tabs whose choice is in the address; the tools of the open tab stand at their right. */
import { Tabs } from "@mantine/core";
import "@mantine/core/styles/Tabs.css";
import type { ReactNode } from "react";

import { count } from "../lib/format";
import classes from "./TabView.module.css";

export interface Tab<T extends string> {
  value: T;
  label: string;
  count?: number | undefined;
}

interface TabViewProps<T extends string> {
  label: string;
  tabs: readonly Tab<T>[];
  value: T;
  onChange: (value: T) => void;
  tools?: ReactNode;
  children: ReactNode;
}

export function TabView<T extends string>({ label, tabs, value, onChange, tools, children }: TabViewProps<T>) {
  return (
    <Tabs
      value={value}
      onChange={(next) => next && onChange(next as T)}
      className={classes.tabs}
      keepMounted={false}
      activateTabWithKeyboard={false}
    >
      <div className={classes.bar}>
        <Tabs.List aria-label={label} className={classes.list}>
          {tabs.map((tab) => (
            <Tabs.Tab key={tab.value} value={tab.value} className={classes.tab}>
              {tab.label}
              {tab.count != null && tab.count > 0 && <span className={classes.count}> {count(tab.count)}</span>}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <div className={classes.tools}>{tools}</div>
      </div>
      <Tabs.Panel value={value} className={classes.panel}>
        {children}
      </Tabs.Panel>
    </Tabs>
  );
}
