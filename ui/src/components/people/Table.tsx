/** A list in columns: a table for screen readers too; on a phone a row has two lines. */
import type { ReactNode } from "react";

import classes from "./Table.module.css";

export interface Column<T> {
  title: string;
  /** The title is for screen readers alone. */
  quiet?: boolean;
  cell: (row: T) => ReactNode;
  /** What is left out on a phone. */
  wide?: boolean;
  /** As wide as its content. */
  narrow?: boolean;
  /** What tells a row. */
  head?: boolean;
}

interface TableProps<T> {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string;
  current?: string | null | undefined;
}

export function Table<T>({ label, columns, rows, keyOf, current }: TableProps<T>) {
  return (
    <div className={classes.frame}>
      <table className={classes.table} aria-label={label}>
        <thead>
          <tr>
            {columns.map(({ title, quiet, wide, narrow }) => (
              <th key={title} scope="col" data-wide={wide} data-narrow={narrow}>
                {quiet ? <span className="sr">{title}</span> : title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} data-current={keyOf(row) === current || undefined}>
              {columns.map(({ title, cell, wide, narrow, head }) => {
                const marks = { "data-wide": wide, "data-narrow": narrow };
                if (head) {
                  return (
                    <th key={title} scope="row" {...marks}>
                      {cell(row)}
                    </th>
                  );
                }
                return (
                  <td key={title} {...marks}>
                    {cell(row)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
