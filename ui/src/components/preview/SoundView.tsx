/** Sound and films by their headers; the beginning of sound can be heard. */
import { Button } from "@mantine/core";
import { useEffect, useRef, useState } from "react";

import { bytes } from "../../lib/format";
import { previewOf } from "../../lib/preview/kind";
import { MOST_READ } from "../../lib/preview/limits";
import classes from "./Preview.module.css";
import type { Item } from "./query";

/** Bytes of packed sound that are unpacked, which makes it about ten times as large in memory. */
const MOST_PACKED = 2 * 1024 * 1024;

interface SoundProps {
  url: string;
  item: Item;
  facts: [name: string, value: string][];
}

export function SoundView({ url, item, facts }: SoundProps) {
  const isSound = previewOf(item) === "audio";
  const most = item.path.toLowerCase().endsWith(".wav") ? MOST_READ : MOST_PACKED;
  return (
    <div className={classes.sound}>
      <dl className={classes.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {isSound && <Player url={url} most={Math.min(most, item.size)} />}
      {isSound && item.size > most && <p className={classes.note}>The first {bytes(most)} can be heard.</p>}
      {!isSound && <p className={classes.note}>Films are played after they were downloaded.</p>}
    </div>
  );
}

/** Played by the browser's own unpacking: an address of sound is one that the page's policy does not allow. */
function Player({ url, most }: { url: string; most: number }) {
  const [state, setState] = useState<"still" | "loads" | "plays" | "failed">("still");
  const context = useRef<AudioContext | null>(null);
  useEffect(() => () => void context.current?.close(), []);
  const stop = () => {
    void context.current?.close();
    context.current = null;
    setState("still");
  };
  const play = async () => {
    setState("loads");
    const player = new AudioContext();
    context.current = player;
    const response = await fetch(url, { headers: { Range: `bytes=0-${most - 1}` } });
    if (!response.ok || (response.status !== 206 && response.headers.get("content-length") !== String(most))) throw new Error("no part");
    const sound = await player.decodeAudioData(await response.arrayBuffer());
    if (context.current !== player) return;
    const source = new AudioBufferSourceNode(player, { buffer: sound });
    source.connect(player.destination);
    source.onended = () => context.current === player && stop();
    source.start();
    setState("plays");
  };
  const failed = () => {
    stop();
    setState("failed");
  };
  return (
    <div className={classes.player}>
      <Button
        size="compact-sm"
        variant="default"
        loading={state === "loads"}
        onClick={() => (state === "plays" ? stop() : void play().catch(failed))}
      >
        {state === "plays" ? "Stop" : "Play"}
      </Button>
      {state === "failed" && (
        <span className="dim" role="status">
          The browser cannot play this.
        </span>
      )}
    </div>
  );
}
