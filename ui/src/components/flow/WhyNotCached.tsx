/** Why a step's run was executed, though a former result might have counted: told when it is asked for. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";

import { whyNotCachedQuery } from "../../api/flows";
import { asProblem } from "../../api/problem";
import type { RunView, WhyNotCached as Why } from "../../api/types";
import { shortId } from "../../lib/runText";
import { Ticked } from "../Ticked";
import classes from "./Approval.module.css";

export function WhyNotCached({ run }: { run: RunView }) {
  const [asked, setAsked] = useState(false);
  const { data, error } = useQuery({ ...whyNotCachedQuery(run.id), enabled: asked });
  // It says itself whose result it is.
  if (run.rerun_of) return null;
  if (!asked || (!data && !error)) {
    return (
      <button type="button" className={classes.ask} aria-busy={asked} onClick={() => setAsked(true)}>
        why not cached?
      </button>
    );
  }
  return <span role="status">{data ? <Reason why={data} /> : asProblem(error).message}</span>;
}

function Reason({ why }: { why: Why }): ReactNode {
  const other = why.run ? (
    <Link to="/runs/$id" params={{ id: why.run }} className="link mono">
      {shortId(why.run)}
    </Link>
  ) : (
    "a former one"
  );
  switch (why.why) {
    case "unasked":
      return <Ticked text="not cached: its step has no `cache: true`" />;
    case "counts":
      return <>cached: the result of {other} counts</>;
    case "first":
      return "not cached: none has succeeded before it";
    case "differs":
      return (
        <>
          not cached: {(why.parts ?? []).join(", ") || "something"} differs from {other}
        </>
      );
    case "refused":
      return <>not cached: {other} is the same, and was not to count</>;
    default:
      return `not cached: ${why.why}`;
  }
}
