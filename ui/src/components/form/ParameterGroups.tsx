/** The parameters of a form in their sections; what is advanced is folded away until it is asked for, or has a mistake. */
import { Fragment, type ReactNode } from "react";

import { plural } from "../../lib/format";
import type { Field } from "../../lib/schema/fields";
import { sectionsOf, sectionTitle, type FieldSection } from "../../lib/schema/sections";
import { Icon } from "../Icon";
import classes from "./ParameterGroups.module.css";

interface ParameterGroupsProps {
  fields: Field[];
  /** What the fields were made of. */
  schema: unknown;
  /** Whether a field is shown as wrong. */
  isWrong: (field: Field) => boolean;
  children: (field: Field) => ReactNode;
}

export function ParameterGroups({ fields, schema, isWrong, children }: ParameterGroupsProps) {
  const { basic, advanced } = sectionsOf(fields, schema);
  const folded = advanced.flatMap((section) => section.fields);
  const wrong = folded.some(isWrong);
  return (
    <>
      <Groups sections={basic} show={children} />
      {folded.length > 0 && (
        <details
          className={classes.advanced}
          open={wrong || undefined}
          onToggle={(event) => {
            // A mistake is not folded away.
            if (wrong) event.currentTarget.open = true;
          }}
        >
          <summary>
            <Icon name="chevron" size={14} /> {plural(folded.length, "advanced parameter")}
          </summary>
          <Groups sections={advanced} show={children} />
        </details>
      )}
    </>
  );
}

function Groups({ sections, show }: { sections: FieldSection[]; show: (field: Field) => ReactNode }) {
  return sections.map(({ name, about, fields }) => (
    <Fragment key={name}>
      {name && (
        <div className={classes.head}>
          <h3>{sectionTitle(name)}</h3>
          {about && <p className="dim">{about}</p>}
        </div>
      )}
      {fields.map((field) => (
        <Fragment key={field.name}>{show(field)}</Fragment>
      ))}
    </Fragment>
  ));
}
