/** Whether the audit log is as it was written. */
import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";

import { verifyAudit } from "../../api/people";
import { asProblem } from "../../api/problem";
import { plural } from "../../lib/format";
import { notify } from "../../lib/notices";

export function VerifyAudit() {
  const verify = useMutation({
    mutationFn: verifyAudit,
    onSuccess: ({ sealed, waiting, wrong }) => {
      if (wrong.length > 0) {
        notify("The audit log was changed by somebody.", "bad", wrong.slice(0, 3).join("; "));
        return;
      }
      const rest = waiting > 0 ? `; ${plural(waiting, "line")} wait for the next seal` : "";
      notify(`Nobody has changed anything: ${plural(sealed, "line")} as they were sealed${rest}.`);
    },
    onError: (error) => notify(`Not verified: ${asProblem(error).message}`, "bad", asProblem(error).cure),
  });
  return (
    <Button
      variant="default"
      loading={verify.isPending}
      onClick={() => verify.mutate()}
      title="Whether each line is as it was sealed, and none is missing"
    >
      Verify
    </Button>
  );
}
