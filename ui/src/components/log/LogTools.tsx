/** The tools of a log: find, follow, attempts, how it is shown. */
import { Menu, TextInput, Tooltip } from "@mantine/core";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/Menu.css";
import "@mantine/core/styles/Popover.css";
import "@mantine/core/styles/Tooltip.css";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";

import { count } from "../../lib/format";
import { useKeys } from "../../lib/keys";
import { setPrefs, usePrefs, type Prefs } from "../../lib/prefs";
import { apiPath } from "../../lib/project";
import { Icon } from "../Icon";
import classes from "./Log.module.css";
import type { LogController } from "./useLogController";

/** How long after the last key a search begins, in milliseconds. */
const FIND_MS = 200;

export function LogTools({ log }: { log: LogController }) {
  const { find, store } = log;
  useSyncExternalStore(store.subscribe, store.snapshot);
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const close = () => {
    setText("");
    find.clear();
    field.current?.blur();
  };
  useKeys("Log", [
    { keys: "/", label: "Find", run: () => field.current?.focus() },
    { keys: "n", label: "Next match", run: () => void find.step(1) },
    { keys: "N", label: "Previous match", run: () => void find.step(-1) },
    { keys: "f", label: "Follow", run: log.toggleFollow },
    { keys: "w", label: "Wrap lines", run: () => setPrefs({ logWrap: !prefs.logWrap }) },
    { keys: "G", label: "End", run: () => log.follow || log.toggleFollow() },
  ]);
  const prefs = usePrefs();
  const search = () => void find.search(text, log.marked?.line ?? 1);
  const latest = useRef(search);
  useEffect(() => {
    latest.current = search;
  });
  useEffect(() => {
    if (text === find.q) return;
    const timer = setTimeout(() => latest.current(), FIND_MS);
    return () => clearTimeout(timer);
  }, [text, find.q]);
  const onEnter = (back: boolean) => {
    if (text !== find.q) search();
    else void find.step(back ? -1 : 1);
  };
  return (
    <>
      <TextInput
        ref={field}
        type="search"
        aria-label="Find in the log"
        placeholder="Find"
        leftSection={<Icon name="search" size={14} />}
        rightSection={text === "" ? <kbd>/</kbd> : null}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          // What was found before is not what is written now.
          if (find.q !== "") find.clear();
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") onEnter(event.shiftKey);
          else if (event.key === "Escape") close();
        }}
        className={classes.find}
      />
      {text !== "" && (
        <span className={classes.found} role="status">
          {find.busy || find.q !== text
            ? "…"
            : find.matches.length === 0
              ? "none"
              : `${count(find.at + 1)} of ${count(find.matches.length)}${find.next === null ? "" : "+"}`}
        </span>
      )}
      {find.matches.length > 0 && (
        <>
          <ToolButton label="Previous match" icon="up" onClick={() => void find.step(-1)} />
          <ToolButton label="Next match" icon="down" onClick={() => void find.step(1)} />
        </>
      )}
      {log.run.attempt > 1 && <AttemptMenu log={log} />}
      <ViewMenu log={log} prefs={prefs} />
      {!store.complete && (
        <button type="button" className={classes.follow} aria-pressed={log.follow} onClick={log.toggleFollow}>
          follow <span className={classes.dot} aria-hidden />
        </button>
      )}
    </>
  );
}

function ToolButton({ label, icon, onClick }: { label: string; icon: "up" | "down"; onClick: () => void }) {
  return (
    <Tooltip label={label}>
      <button type="button" className={classes.tool} aria-label={label} onClick={onClick}>
        <Icon name={icon} size={14} />
      </button>
    </Tooltip>
  );
}

function AttemptMenu({ log }: { log: LogController }) {
  return (
    <Menu>
      <Menu.Target>
        <button type="button" className={classes.textTool}>
          attempt {log.attempt} of {log.run.attempt}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {Array.from({ length: log.run.attempt }, (_, index) => index + 1).map((number) => (
          <Menu.Item key={number} onClick={() => log.chooseAttempt(number)} leftSection={<Tick on={number === log.attempt} />}>
            Attempt {number}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

const TIMES: { value: Prefs["logTimes"]; label: string }[] = [
  { value: "zone", label: "Local times" },
  { value: "utc", label: "UTC times" },
  { value: "off", label: "No times" },
];

function ViewMenu({ log, prefs }: { log: LogController; prefs: Prefs }) {
  const raw = apiPath(`/api/v1/runs/${encodeURIComponent(log.run.id)}/log/raw${log.attempt > 0 ? `?attempt=${log.attempt}` : ""}`);
  return (
    <Menu>
      <Menu.Target>
        <button type="button" className={classes.tool} aria-label="How the log is shown" title="How the log is shown">
          <Icon name="settings" />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {TIMES.map(({ value, label }) => (
          <Menu.Item key={value} onClick={() => setPrefs({ logTimes: value })} leftSection={<Tick on={prefs.logTimes === value} />}>
            {value === "zone" && prefs.zone ? `Times of ${prefs.zone}` : label}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item
          onClick={() => setPrefs({ logWrap: !prefs.logWrap })}
          leftSection={<Tick on={prefs.logWrap} />}
          rightSection={<kbd>w</kbd>}
        >
          Wrap lines
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item
          component="a"
          href={raw}
          download={`${log.run.pipeline}-${log.run.short}.log`}
          leftSection={<Icon name="download" size={14} />}
        >
          Download
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Tick({ on }: { on: boolean }) {
  return <span className={classes.tick}>{on && <Icon name="check" size={14} />}</span>;
}
