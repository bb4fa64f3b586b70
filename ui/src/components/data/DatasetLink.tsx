/** A version of a dataset, as a link to it. */
import { Link } from "@tanstack/react-router";

import { partsOf } from "../../lib/dataset";

export function DatasetLink({ reference }: { reference: string }) {
  const { name, version } = partsOf(reference);
  return (
    <Link to="/data/$" params={{ _splat: name }} search={version ? { version } : {}} className="link">
      {reference}
    </Link>
  );
}
