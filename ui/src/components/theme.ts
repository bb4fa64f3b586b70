/** What Mantine's components look like here. Colours are in `styles/`. */
import { createTheme, localStorageColorSchemeManager, type MantineColorsTuple } from "@mantine/core";

const accent: MantineColorsTuple = [
  "#e2f0f2",
  "#c5e1e6",
  "#9ccdd6",
  "#6fb6c4",
  "#4aa3b3",
  "#2c8fa1",
  "#0b6274",
  "#0a5868",
  "#084f5e",
  "#063f4b",
];

export const theme = createTheme({
  primaryColor: "accent",
  primaryShade: 6,
  colors: { accent },
  fontFamily: "var(--font)",
  fontFamilyMonospace: "var(--mono)",
  defaultRadius: 6,
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Button: {
      defaultProps: { size: "xs" },
      vars: (_theme: unknown, props: { variant?: string }) => ({
        root: {
          "--button-padding-x": "12px",
          "--button-fz": "13px",
          ...(props.variant === undefined || props.variant === "filled" ? { "--button-color": "var(--on-accent)" } : {}),
        },
      }),
    },
    TextInput: { defaultProps: { size: "xs" } },
    NumberInput: { defaultProps: { size: "xs" } },
    PasswordInput: { defaultProps: { size: "xs" } },
    Textarea: { defaultProps: { size: "xs" } },
    Select: { defaultProps: { size: "xs" } },
    SegmentedControl: { defaultProps: { size: "xs" } },
    Tooltip: { defaultProps: { openDelay: 350, withArrow: false, transitionProps: { duration: 80 } } },
    // The page itself never scrolls, only its parts do; so there is nothing to lock, and no style element is needed for it.
    Modal: {
      defaultProps: {
        lockScroll: false,
        centered: true,
        overlayProps: { color: "#0b1214", backgroundOpacity: 0.4 },
        transitionProps: { duration: 120 },
      },
    },
    Drawer: {
      defaultProps: {
        lockScroll: false,
        position: "right",
        overlayProps: { color: "#0b1214", backgroundOpacity: 0.15 },
        transitionProps: { duration: 120 },
      },
    },
    Menu: { defaultProps: { shadow: "md", transitionProps: { duration: 80 }, position: "bottom-end" } },
  },
});

export const colorSchemes = localStorageColorSchemeManager({ key: "rigi.theme" });
