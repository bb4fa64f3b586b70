/** What a backfill would do: how many runs, and for which due times. */
import { previewWords } from "../../lib/backfill";
import { count } from "../../lib/format";
import { Section } from "../Page";
import classes from "./Backfills.module.css";
import { When } from "./Times";
import type { BackfillFormState } from "./useBackfillForm";

/** Due times that are drawn. */
const SHOWN = 300;

export function Look({ form, zone }: { form: BackfillFormState; zone: string }) {
  const { look, looksOld } = form;
  return (
    <Section title="What it would do">
      <div className={classes.look} data-old={looksOld || undefined} aria-live="polite">
        <p className={classes.sum}>{look ? previewWords(look, form.written.onlyMissing) : (form.lookWrong ?? "Choose the days.")}</p>
        {look && look.due.length > 0 && (
          <div className={classes.times} tabIndex={0} role="region" aria-label="Due times">
            {look.due.slice(0, SHOWN).map((due) => (
              <When key={due} at={due} zone={zone} />
            ))}
            {look.count > SHOWN && <span className="dim">and {count(look.count - SHOWN)} more</span>}
          </div>
        )}
      </div>
    </Section>
  );
}
