/** The second factor: six digits from a telephone beside the password. */
import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";

import { beginFactor, confirmFactor, removeFactor, useAccountChange } from "../../api/account";
import type { AccountView, FactorBegun } from "../../api/types";
import { plural } from "../../lib/format";
import { notify } from "../../lib/notices";
import { Command } from "../CopyButton";
import { FormProblem, TextField, useSending } from "../form/Fields";
import { Field } from "../people/Field";
import classes from "../people/People.module.css";
import { RecoveryCodes } from "./RecoveryCodes";

const QrCode = lazy(() => import("./QrCode"));

export function Factor({ account }: { account: AccountView }) {
  const [codes, setCodes] = useState<string[] | null>(null);
  return (
    <Field label="Second factor">
      {codes ? (
        <RecoveryCodes codes={codes} account={account} onDone={() => setCodes(null)} />
      ) : account.has_second_factor ? (
        <On account={account} />
      ) : (
        <Off onCodes={setCodes} />
      )}
    </Field>
  );
}

function Off({ onCodes }: { onCodes: (codes: string[]) => void }) {
  const begin = useMutation({ mutationFn: beginFactor });
  return (
    <>
      {begin.data ? (
        <First begun={begin.data} onCodes={onCodes} onClose={() => begin.reset()} />
      ) : (
        <div className={classes.narrow}>
          <p className={classes.note}>
            With it, signing in also takes six digits that an app on your telephone shows. A password that somebody got hold of is not
            enough then.
          </p>
          <FormProblem error={begin.error} />
          <div>
            <Button variant="default" loading={begin.isPending} onClick={() => begin.mutate()}>
              Set up a second factor
            </Button>
          </div>
        </div>
      )}
    </>
  );
}

function First({ begun, onCodes, onClose }: { begun: FactorBegun; onCodes: (codes: string[]) => void; onClose: () => void }) {
  const [code, setCode] = useState("");
  const confirm = useAccountChange(confirmFactor);
  const form = useSending(
    () => confirm.mutateAsync(code),
    ({ recovery_codes }) => onCodes(recovery_codes),
  );
  return (
    <form className={classes.narrow} onSubmit={form.send} aria-label="Second factor">
      <p>Scan this with an app for one-time codes, or type the secret into it.</p>
      <Suspense fallback={<span className={classes.code} />}>
        <QrCode text={begun.address} label="The secret as a picture" />
      </Suspense>
      <Command text={begun.secret} label="Copy the secret" />
      <p>
        On this device:{" "}
        <a className="link" href={begun.address}>
          open it in an app
        </a>
      </p>
      <TextField
        label="First code"
        description="The six digits that the app shows now. Only then the second factor counts."
        autoComplete="one-time-code"
        inputMode="numeric"
        autoFocus
        required
        withAsterisk={false}
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
        mistake={form.at("/code")}
      />
      <FormProblem error={form.error} beside={["/code"]} />
      <div className={classes.inline}>
        <Button type="submit" loading={form.sending}>
          Take it into use
        </Button>
        <Button variant="default" onClick={onClose}>
          Leave it
        </Button>
      </div>
    </form>
  );
}

function On({ account }: { account: AccountView }) {
  const [open, setOpen] = useState(false);
  const left = account.recovery_codes_left;
  return (
    <>
      <div className={classes.narrow}>
        <p>
          In use. {left === 0 ? "No recovery code is left" : `${plural(left, "recovery code")} left`}
          <span className="dim">
            {left < 3 ? ": for new ones, give the second factor up and set it up again." : ", for when the telephone is lost."}
          </span>
        </p>
        {open ? (
          <GiveUp onClose={() => setOpen(false)} />
        ) : (
          <div>
            <Button variant="default" onClick={() => setOpen(true)}>
              Give it up
            </Button>
          </div>
        )}
      </div>
    </>
  );
}

function GiveUp({ onClose }: { onClose: () => void }) {
  const [code, setCode] = useState("");
  const remove = useAccountChange(removeFactor);
  const form = useSending(
    () => remove.mutateAsync(code),
    () => {
      notify("The password alone signs you in from now on.");
      onClose();
    },
  );
  return (
    <form className={classes.narrow} onSubmit={form.send} aria-label="Give the second factor up">
      <TextField
        label="Code"
        description="One more code of it, or a recovery code."
        autoComplete="one-time-code"
        autoFocus
        required
        withAsterisk={false}
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
        mistake={form.at("/code")}
      />
      <FormProblem error={form.error} beside={["/code"]} />
      <div className={classes.inline}>
        <Button type="submit" loading={form.sending}>
          Give it up
        </Button>
        <Button variant="default" onClick={onClose}>
          Keep it
        </Button>
      </div>
    </form>
  );
}
