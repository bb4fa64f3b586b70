/** How far an upload is, and what can be done with it. */
import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useSyncExternalStore } from "react";

import { keys } from "../../api/keys";
import { currentUpload, setUpload, type Progress, type Upload } from "../../lib/data/upload";
import { bytes, plural } from "../../lib/format";
import { FormProblem } from "../form/Fields";
import classes from "./Data.module.css";

export function Sending({ upload }: { upload: Upload }) {
  const progress = useSyncExternalStore(upload.subscribe, upload.progress);
  const cache = useQueryClient();
  const { phase, version } = progress;
  const { name } = upload.wanted;
  useEffect(() => {
    if (phase === "done") void cache.invalidateQueries({ queryKey: keys.datasets });
  }, [phase, cache]);
  // Who comes back is asked for other files.
  useEffect(
    () => () => {
      if (upload.progress().phase === "done" && currentUpload() === upload) setUpload(null);
    },
    [upload],
  );
  const share = shareOf(progress);
  return (
    <section className={classes.form} aria-label="Upload">
      <p role="status">
        <b>{name}</b>: {wordsOf(progress)}
      </p>
      <div
        className={classes.track}
        role="progressbar"
        aria-label={`Upload to ${name}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
      >
        <div className={classes.bar} data-phase={phase} style={{ width: `${share * 100}%` }} />
      </div>
      {phase === "failed" && <FormProblem error={progress.error} />}
      {phase !== "done" && (
        <p className="dim">
          It goes on while you look at something else here. After this page was left or read anew, choose the same files again: only what is
          missing is sent, and a large file continues where it was.
        </p>
      )}
      <div className={classes.ways}>
        {upload.isOpen && phase !== "naming" && (
          <Button variant="default" onClick={() => upload.pause()}>
            Pause
          </Button>
        )}
        {(phase === "paused" || phase === "failed") && <Button onClick={() => upload.start()}>Go on</Button>}
        {phase === "done" && (
          <Button
            renderRoot={(props) => (
              <Link to="/data/$" params={{ _splat: name }} search={{ version: String(version?.version ?? "") }} {...props} />
            )}
          >
            Open {name}
          </Button>
        )}
        {phase !== "naming" && (
          <Button
            variant="default"
            onClick={() => {
              upload.stop();
              setUpload(null);
            }}
          >
            {phase === "done" ? "Upload more" : "Cancel"}
          </Button>
        )}
      </div>
    </section>
  );
}

function shareOf({ phase, bytes: all, read, missing, sent }: Progress): number {
  if (phase === "done" || phase === "naming") return 1;
  if (missing > 0) return Math.min(1, sent / missing);
  return all > 0 ? Math.min(1, read / all) : 0;
}

function wordsOf({ phase, files, bytes: all, read, missing, sent, continues, version }: Progress): string {
  const whole = `${plural(files, "file")}, ${bytes(all)}`;
  const where = continues ? `; ${continues.path} continues at ${bytes(continues.from)}` : "";
  const sending = `${bytes(sent)} of ${bytes(missing)} sent${where}`;
  if (phase === "reading") return `reading ${whole}: ${bytes(read)} are read`;
  if (phase === "sending")
    return missing === 0
      ? "all of it is stored already"
      : `${sending}${missing < all ? `; the rest of ${bytes(all)} is stored already` : ""}`;
  if (phase === "naming") return "all is stored; the version is made";
  if (phase === "paused") return missing > 0 ? `paused, ${sending}` : "paused";
  if (phase === "done")
    return version?.is_new === false
      ? `nothing has changed: it is version ${version.version}`
      : `version ${version?.version ?? ""}, ${whole}`;
  return missing > 0 ? `it is not there yet, ${sending}` : "it is not there yet";
}
