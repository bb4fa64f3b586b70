/** The page's icons, drawn in one stroke on a grid of 16. They carry no meaning alone: each stands beside a word or a label. */
const PATHS = {
  home: "M2.500 7.200 8 2.700l5.500 4.500v6.100h-3.700V9.500H6.200v3.800H2.500z",
  pipelines: "M3 3.500h4v3H3zM9 9.500h4v3H9zM5 6.500v4.500h4",
  runs: "M2.500 4h11M2.500 8h11M2.500 12h7",
  settings: "M2.500 5h5M11.500 5h2M2.500 11h2M8.500 11h5M9.500 3.200v3.600M6.500 9.200v3.600",
  search: "M7 11.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9ZM10.400 10.400l3.100 3.100",
  play: "M5 3.200v9.600l7.500-4.800z",
  rerun: "M3 8a5 5 0 1 0 1.600-3.700M3.200 2.400v2.800H6",
  retry: "M13 8a5 5 0 1 1-1.600-3.700M12.800 2.400v2.800H10",
  stop: "M4 4h8v8H4z",
  more: "M3.500 8h.01M8 8h.01M12.500 8h.01",
  copy: "M5.500 5.500v-3h8v8h-3M2.500 5.500h8v8h-8z",
  check: "m3 8.600 3.400 3.400L13 4.800",
  close: "m4 4 8 8M12 4l-8 8",
  download: "M8 2.500v7.500M4.800 7 8 10.200 11.200 7M3 13.300h10",
  up: "M8 13V3.500M4 7.200l4-4 4 4",
  down: "M8 3v9.500M4 8.800l4 4 4-4",
  switch: "m5 6.300 3-3 3 3M5 9.700l3 3 3-3",
  chevron: "m6 3.500 4.500 4.500L6 12.500",
  warning: "M8 2.600 14 13H2zM8 6.500v3M8 11.300v.01",
  bell: "M3.500 11.500h9l-1.200-1.800V7a3.300 3.300 0 0 0-6.600 0v2.700zM6.800 13.500h2.400",
  hook: "M2.500 8h7M6.600 5 9.600 8l-3 3M8 2.500h5.500v11H8",
  info: "M8 13.500a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11ZM8 7.400v3.300M8 5.200v.01",
  file: "M4 2.500h5l3 3v8H4zM9 2.500v3h3",
  folder: "M2.500 4h4l1.200 1.500h5.800v7h-11z",
  upload: "M8 10.500V3M4.800 6 8 2.800 11.200 6M3 13.300h10",
  wrap: "M2.500 4h11M2.500 8h9a2 2 0 0 1 0 4h-3M2.500 12h3M9.800 10.500 8.300 12l1.500 1.500",
  clock: "M8 13.500a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11ZM8 5v3.200l2 1.300",
  link: "M6.700 9.300 9.300 6.700M7.300 4.700l1.200-1.200a2.800 2.800 0 0 1 4 4l-1.200 1.200M8.700 11.300l-1.200 1.200a2.800 2.800 0 0 1-4-4l1.200-1.200",
  person: "M8 8a2.700 2.700 0 1 0 0-5.400A2.700 2.700 0 0 0 8 8ZM2.800 13.500a5.200 4.300 0 0 1 10.400 0",
  people:
    "M6 7.700a2.400 2.400 0 1 0 0-4.800 2.400 2.400 0 0 0 0 4.800ZM1.800 13a4.200 3.600 0 0 1 8.400 0M10.300 3.100a2.300 2.300 0 0 1 0 4.500M11.700 9.700a4 3.400 0 0 1 2.500 3.300",
  shield: "M8 2.300 13 4v3.700c0 3-2.100 5-5 6.100-2.900-1.100-5-3.100-5-6.100V4z",
  key: "M6 10.900a2.900 2.900 0 1 0 0-5.800 2.900 2.900 0 0 0 0 5.800ZM8.900 8h5.300v2.400M11.700 8v1.900",
  gauge: "M2.600 12a5.900 5.900 0 1 1 10.800 0M8 10.300l2.600-3.400",
  keyboard: "M1.800 4h12.400v8H1.800zM4.300 6.500h.01M7 6.500h.01M9.500 6.500h.01M12 6.500h.01M5 9.500h6",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      viewBox="0 0 16 16"
      width={size}
      height={size}
      fill={name === "play" || name === "stop" ? "currentColor" : "none"}
      stroke="currentColor"
      strokeWidth={name === "more" ? 2.2 : 1.4}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
