/** All of a project as one file, to be brought to another server. */
import { Button } from "@mantine/core";

import { exportUrl } from "../../api/moving";
import type { ProjectView } from "../../api/types";
import { plural } from "../../lib/format";
import { useRights } from "../../api/rights";
import { Icon } from "../Icon";
import { Section } from "../Page";
import { Field } from "../people/Field";
import people from "../people/People.module.css";

export function Export({ own }: { own: ProjectView }) {
  const { people: withPeople } = useRights();
  const open = own.active + own.queued;
  return (
    <Section title="To another server">
      <Field label="Export">
        <div className={people.narrow}>
          <p>One file with its ended runs, their logs and files, the code that ran, its pipelines and settings.</p>
          <div>
            <Button
              variant="default"
              leftSection={<Icon name="download" size={14} />}
              renderRoot={(props) => <a href={exportUrl(own.name)} download={`${own.name}.rigi-project`} {...props} />}
            >
              Export
            </Button>
          </div>
          <p className={people.note}>
            Not in it: values of secrets, members and tokens, the audit log, schedules that people made, and whether it is public.
            {open > 0 && ` ${plural(open, "run")} that ${open === 1 ? "has" : "have"} not ended ${open === 1 ? "stays" : "stay"} here.`}
          </p>
          {/* Whoever has the server alone does not meet the word. */}
          <p className={people.note}>
            {withPeople ? (
              <>
                An administrator of the other server brings it in: <i>Administration, Projects, Import</i>, or{" "}
                <code>rigi projects import {own.name}.rigi-project</code>.
              </>
            ) : (
              "The other server takes it in on its page, under Administration, or by its command line."
            )}
          </p>
        </div>
      </Field>
    </Section>
  );
}
