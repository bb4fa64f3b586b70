import { useRights } from "../../api/rights";
import { Empty } from "../States";

/** For whoever may not see notices, or make rules. */
export function useNoticesRefusal(to: "see" | "make") {
  const { edit, archived, role } = useRights();
  if (!edit) {
    return (
      <Empty icon="bell" title={role ? `A ${role} sees no notices` : "You see no notices here"}>
        <p className="dim">Editors and owners say who is told of what. An owner gives roles.</p>
      </Empty>
    );
  }
  if (to === "see" || !archived) return null;
  return (
    <Empty icon="bell" title="Nothing is told of what is archived">
      <p className="dim">What ran here can be read. An owner opens it again.</p>
    </Empty>
  );
}
