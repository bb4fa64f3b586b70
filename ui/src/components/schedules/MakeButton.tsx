import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";

interface MakeButtonProps {
  /** Of this one; else it is chosen there. */
  pipeline?: string;
  /** It is not the first thing to do on the page. */
  quiet?: boolean;
}

export function MakeButton({ pipeline, quiet = false }: MakeButtonProps) {
  return (
    <Button
      {...(quiet ? { variant: "default" } : {})}
      renderRoot={(props) => <Link to="/schedules/new" search={pipeline === undefined ? {} : { pipeline }} {...props} />}
    >
      Make a schedule
    </Button>
  );
}
