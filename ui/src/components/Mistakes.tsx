import type { MistakeView } from "../api/types";
import classes from "./Mistakes.module.css";
import { Ticked } from "./Ticked";

/** Place of a mistake as editors and terminals understand it. */
export function placeOf(mistake: MistakeView): string {
  return mistake.line > 0 ? `${mistake.file}:${mistake.line}:${mistake.column}` : mistake.file;
}

/** Mistakes with their place and cure, one below the other. */
export function Mistakes({ mistakes }: { mistakes: MistakeView[] }) {
  return (
    <ul className={classes.list}>
      {mistakes.map((mistake, index) => (
        <li key={index}>
          <code className={classes.place}>{placeOf(mistake)}</code>
          <span>
            <Ticked text={mistake.message} />
            {mistake.cure && (
              <span className="dim">
                {" "}
                <Ticked text={mistake.cure} />
              </span>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}
