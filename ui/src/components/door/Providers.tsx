/** The ways to sign in that are not of this server. */
import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";

import { goToProvider } from "../../api/account";
import type { WaysIn } from "../../api/types";
import { FormProblem } from "../form/Fields";
import classes from "./Door.module.css";

interface ProvidersProps {
  providers: WaysIn["providers"];
  /** Where the browser comes back to. */
  returnTo: string;
  /** The key of an invitation that is taken by it. */
  linkKey?: string;
  verb?: string;
  /** Beside each other, in a page. */
  inline?: boolean;
}

export function Providers({ providers, returnTo, linkKey, verb = "Sign in with", inline = false }: ProvidersProps) {
  const go = useMutation({ mutationFn: (name: string) => goToProvider(name, returnTo, linkKey) });
  if (providers.length === 0) return null;
  return (
    <div className={inline ? classes.beside : classes.ways}>
      <FormProblem error={go.error} />
      {providers.map(({ name, label }) => (
        <Button key={name} variant="default" loading={go.isPending && go.variables === name} onClick={() => go.mutate(name)}>
          {verb} {label}
        </Button>
      ))}
    </div>
  );
}
