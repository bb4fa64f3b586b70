/** Processor and memory of a run over its time. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { attemptsQuery, usageQuery } from "../../api/queries";
import type { RunView, UsageSample } from "../../api/types";
import { bytes, duration } from "../../lib/format";
import { isEnd } from "../../lib/states";
import classes from "./Run.module.css";

export default function UsageCharts({ run, attempt }: { run: RunView; attempt: number }) {
  const { data } = useQuery(usageQuery(run.id, attempt));
  const samples = useMemo(() => data?.items ?? [], [data]);
  const earlier = attempt < run.attempt;
  const { data: attempts } = useQuery({ ...attemptsQuery(run.id), enabled: earlier });
  const usage = earlier ? attempts?.items.find(({ number }) => number === attempt)?.usage : run.usage;
  const ended = earlier || isEnd(run.state) || run.state === "retrying";
  const { cpu, memory } = run.limits;
  const last = samples.at(-1);
  const cpuText = (sample: UsageSample | undefined) => (sample ? `${Math.round(sample.cpu * 100)} %` : "–");
  const of = (limit: string | null) => (limit ? ` of ${limit}` : "");
  return (
    <div className={classes.charts}>
      <Chart
        label="cpu"
        samples={samples}
        read={(sample) => sample.cpu}
        limit={cpu ?? null}
        floor={1}
        text={(sample) => `${cpuText(sample)}${of(cpu ? `${Math.round(cpu * 100)} %` : null)}`}
        rest={
          ended ? `${duration(usage?.cpu_ms ?? 0)} in all` : last ? `${cpuText(last)}${of(cpu ? `${Math.round(cpu * 100)} %` : null)}` : "–"
        }
      />
      <Chart
        label="memory"
        samples={samples}
        read={(sample) => sample.memory}
        limit={memory ?? null}
        floor={1}
        text={(sample) => bytesOf(sample.memory, memory)}
        rest={
          ended
            ? usage && usage.max_memory > 0
              ? `at most ${bytesOf(usage.max_memory, memory)}`
              : "–"
            : last
              ? bytesOf(last.memory, memory)
              : "–"
        }
      />
    </div>
  );
}

/** "312 of 512 MiB", or "312 MiB" where there is no limit. */
function bytesOf(used: number, limit: number | null | undefined): string {
  if (!limit) return bytes(used);
  const [number = "", unit] = bytes(used).split(" ");
  return unit === bytes(limit).split(" ")[1] ? `${number} of ${bytes(limit)}` : `${bytes(used)} of ${bytes(limit)}`;
}

interface ChartProps {
  label: string;
  samples: UsageSample[];
  read: (sample: UsageSample) => number;
  limit: number | null;
  /** The scale reaches at least this high. */
  floor: number;
  /** Words for the sample under the pointer. */
  text: (sample: UsageSample) => string;
  /** Words while the pointer is elsewhere. */
  rest: string;
}

function Chart({ label, samples, read, limit, floor, text, rest }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const most = samples.reduce((max, sample) => Math.max(max, read(sample)), floor);
  // The limit is the top of the scale where it is in reach, so that the line's height says how near it is.
  const top = limit !== null && most > limit / 4 ? Math.max(limit, most) : most * 1.1;
  const data = useMemo<uPlot.AlignedData>(
    () => [samples.map((sample) => Date.parse(sample.at) / 1000), samples.map(read)],
    [samples, read],
  );
  const scale = useRef(top);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const made = new uPlot(
      optionsOf(element, () => scale.current, setHovered),
      [[], []],
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: element.clientHeight }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => {
    scale.current = top;
    plot.current?.setData(data);
  }, [data, top]);
  const sample = hovered === null ? undefined : samples[hovered];
  return (
    <figure className={classes.chart}>
      <div ref={box} className={classes.plot} data-empty={samples.length < 2 || undefined} aria-hidden />
      <figcaption>
        <span className="dim">{label}</span> {sample ? text(sample) : rest}
      </figcaption>
    </figure>
  );
}

function optionsOf(element: HTMLElement, top: () => number, onHover: (index: number | null) => void): uPlot.Options {
  // Read when it is drawn, so that a change of theme is followed by the next drawing.
  const color = () => getComputedStyle(element).color;
  const soft = () => `color-mix(in srgb, ${color()} 14%, transparent)`;
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    padding: [2, 0, 1, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 5 }, drag: { x: false, y: false } },
    axes: [{ show: false }, { show: false }],
    scales: { x: { time: true }, y: { range: () => [0, top()] } },
    series: [{}, { stroke: color, fill: soft, width: 1.25, points: { show: false } }],
    hooks: { setCursor: [(u) => onHover(u.cursor.idx ?? null)] },
  };
}
