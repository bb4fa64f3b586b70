/** What this browser remembers: how the page looks. */
import { SegmentedControl, Select, useMantineColorScheme, type MantineColorScheme } from "@mantine/core";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/FloatingIndicator.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/Popover.css";
import "@mantine/core/styles/ScrollArea.css";
import "@mantine/core/styles/SegmentedControl.css";

import { setPrefs, usePrefs } from "../lib/prefs";
import { Field } from "./people/Field";
import { Section } from "./Page";

const THEMES = [
  { value: "auto", label: "System" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

export function BrowserSettings() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const prefs = usePrefs();
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zones = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];
  return (
    <Section title="This browser">
      <Field label="Theme">
        <SegmentedControl
          aria-label="Theme"
          data={THEMES}
          value={colorScheme}
          onChange={(value) => setColorScheme(value as MantineColorScheme)}
        />
      </Field>
      <Field label="Time zone">
        <Select
          aria-label="Time zone"
          data={[{ value: "", label: `This computer's (${own})` }, ...zones]}
          value={prefs.zone}
          onChange={(zone) => setPrefs({ zone: zone ?? "" })}
          searchable
          allowDeselect={false}
          w={280}
        />
      </Field>
    </Section>
  );
}
