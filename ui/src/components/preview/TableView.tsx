/** A table: its first rows, or what is known of its columns. */
import { useState } from "react";

import { count } from "../../lib/format";
import type { ColumnFacts, TableShown } from "../../lib/preview/shown";
import classes from "./Preview.module.css";

export function TableView({ shown, label }: { shown: TableShown; label: string }) {
  const [side, setSide] = useState<"rows" | "columns">("rows");
  const summed = shown.columns.some(({ least, empty, distinct }) => least !== undefined || empty !== undefined || distinct !== undefined);
  return (
    <>
      <div className={classes.bar}>
        <dl className={classes.facts}>
          {shown.facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        <div className={classes.sides} role="group" aria-label="What is shown">
          <button type="button" aria-pressed={side === "rows"} onClick={() => setSide("rows")}>
            Rows
          </button>
          <button type="button" aria-pressed={side === "columns"} onClick={() => setSide("columns")}>
            Columns
          </button>
        </div>
      </div>
      <div className={classes.text} tabIndex={0} role="region" aria-label={`Preview of ${label}`}>
        {side === "rows" ? <Rows shown={shown} /> : <Columns columns={shown.columns} summary={summed ? shown.summary : undefined} />}
      </div>
    </>
  );
}

function Rows({ shown }: { shown: TableShown }) {
  const width = shown.rows.reduce((most, row) => Math.max(most, row.length), 0);
  const columns = shown.columns.slice(0, Math.max(width, shown.rows.length === 0 ? 60 : 0));
  return (
    <>
      <table className={classes.table}>
        <thead>
          <tr>
            {columns.map(({ name, type, number }, at) => (
              <th key={at} scope="col" data-number={number || undefined} title={type}>
                {name || <span className="sr">Without a name</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.rows.map((row, at) => (
            <tr key={at}>
              {columns.map(({ number }, column) => (
                <td key={column} data-number={number || undefined}>
                  <Cell value={row[column]} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {shown.rows.length === 0 && <p className={classes.note}>{shown.total === 0 ? "It has no rows." : "No rows were read."}</p>}
    </>
  );
}

function Cell({ value }: { value: string | null | undefined }) {
  if (value === undefined) return <span className={classes.nothing}>not read</span>;
  if (value === null) return <span className={classes.nothing}>–</span>;
  return value;
}

function Columns({ columns, summary }: { columns: readonly ColumnFacts[]; summary: string | undefined }) {
  const titles: [keyof ColumnFacts, string][] = [
    ["empty", "empty"],
    ["distinct", "different"],
    ["least", "least"],
    ["most", "most"],
    ["mean", "mean"],
  ];
  const known = titles.filter(([key]) => columns.some((column) => column[key] !== undefined));
  return (
    <>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">column</th>
            <th scope="col">type</th>
            {known.map(([key, title]) => (
              <th key={key} scope="col" data-number={key === "empty" || key === "distinct" || key === "mean" || undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {columns.map((column, at) => (
            <tr key={at}>
              <th scope="row">{column.name}</th>
              <td>{column.type}</td>
              {known.map(([key]) => {
                const value = column[key];
                return (
                  <td key={key} data-number={column.number || key === "empty" || key === "distinct" || undefined}>
                    {typeof value === "number" ? count(value) : (value ?? "")}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {summary && <p className={classes.note}>{summary}</p>}
    </>
  );
}
