import { useEffect, useState } from "react";

import { notify } from "../lib/notices";
import { Icon } from "./Icon";
import classes from "./CopyButton.module.css";

/** Copies; where the browser allows it only on secure pages, by the old way. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    // Deprecated, but the only way on a page that is served over plain HTTP.
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    if (await copyText(text)) setCopied(true);
    else notify("The browser did not allow copying.", "bad");
  };
  return (
    <button type="button" className={classes.button} aria-label={copied ? "Copied" : label} title={label} onClick={() => void copy()}>
      <span className={copied ? "tone-ok" : undefined}>
        <Icon name={copied ? "check" : "copy"} size={14} />
      </span>
    </button>
  );
}

/** A command with a button to copy it. */
export function Command({ text, label = "Copy the command" }: { text: string; label?: string }) {
  return (
    <div className={classes.command}>
      <code className="grow">{text}</code>
      <CopyButton text={text} label={label} />
    </div>
  );
}
