/** Fields for amounts, each with what is wrong with it as it is typed. */
import type { AmountField, Written } from "../../lib/quota";
import { TextField } from "../form/Fields";

/** In place of a help, where the configuration sets an amount. */
export const FIXED = "Set by the server’s configuration.";

interface AmountsProps<K extends string> {
  fields: readonly AmountField<K>[];
  written: Written<K>;
  onChange: (written: Written<K>) => void;
  mistakes: { readonly [key in K]?: string };
  /** What the server says is wrong with one. */
  at: (key: K) => string | undefined;
  /** What is not changed here, as the configuration calls it. */
  fixed?: readonly string[] | undefined;
  /** The first has the focus. */
  first?: boolean;
}

export function Amounts<K extends string>({ fields, written, onChange, mistakes, at, fixed = [], first }: AmountsProps<K>) {
  return fields.map(({ key, name, label, help, placeholder }, index) => (
    <TextField
      key={key}
      label={label}
      description={fixed.includes(name) ? FIXED : help || undefined}
      placeholder={placeholder}
      autoComplete="off"
      disabled={fixed.includes(name)}
      value={written[key]}
      onChange={(event) => onChange({ ...written, [key]: event.currentTarget.value })}
      mistake={mistakes[key] ?? at(key)}
      {...(first && index === 0 ? { "data-autofocus": true } : {})}
    />
  ));
}
