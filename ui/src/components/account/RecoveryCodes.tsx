/** Codes for when the telephone is lost; shown once. */
import { Button } from "@mantine/core";
import { useEffect, useMemo, useRef } from "react";

import type { AccountView } from "../../api/types";
import { notify } from "../../lib/notices";
import { copyText } from "../CopyButton";
import { Icon } from "../Icon";
import classes from "../people/People.module.css";

interface RecoveryCodesProps {
  codes: string[];
  account: AccountView;
  onDone: () => void;
}

export function RecoveryCodes({ codes, account, onDone }: RecoveryCodesProps) {
  const text = `Recovery codes of ${account.mail ?? account.name} at ${location.host}. Each serves once.\n\n${codes.join("\n")}\n`;
  const url = useMemo(() => URL.createObjectURL(new Blob([text], { type: "text/plain" })), [text]);
  useEffect(() => () => URL.revokeObjectURL(url), [url]);
  const frame = useRef<HTMLDivElement>(null);
  // The field that had the focus is gone.
  useEffect(() => frame.current?.focus(), []);
  const copy = () =>
    void copyText(codes.join("\n")).then((done) =>
      done ? notify("The recovery codes are copied.") : notify("The browser did not allow copying.", "bad"),
    );
  return (
    <div ref={frame} tabIndex={-1} className={classes.narrow} role="group" aria-label="Recovery codes">
      <p>
        The second factor is in use. Should you lose your telephone, each of these codes signs you in once. They are shown this once: keep
        them where you keep your passwords.
      </p>
      <ul className={classes.codes} aria-label="Codes">
        {codes.map((code) => (
          <li key={code} className="mono">
            {code}
          </li>
        ))}
      </ul>
      <div className={classes.inline}>
        <Button variant="default" leftSection={<Icon name="copy" size={14} />} onClick={copy}>
          Copy
        </Button>
        <Button
          component="a"
          variant="default"
          leftSection={<Icon name="download" size={14} />}
          href={url}
          download={`rigi-recovery-codes-${location.hostname}.txt`}
        >
          Download
        </Button>
        <Button onClick={onDone}>I have kept them</Button>
      </div>
    </div>
  );
}
