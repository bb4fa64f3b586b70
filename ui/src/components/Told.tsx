import { Link } from "@tanstack/react-router";

import { withRuns } from "../lib/told";
import { Ticked } from "./Ticked";

/** What the server says for people: words between backticks are code, ids of runs lead to them. */
export function Told({ text }: { text: string }) {
  return withRuns(text).map((part, index) =>
    part.run ? (
      <Link key={index} to="/runs/$id" params={{ id: part.run }} className="link">
        {part.text}
      </Link>
    ) : (
      <Ticked key={index} text={part.text} />
    ),
  );
}
