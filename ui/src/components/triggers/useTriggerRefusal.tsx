import { useRights } from "../../api/rights";
import { Empty } from "../States";

/** For whoever may not see triggers, or make them. */
export function useTriggerRefusal(to: "see" | "make") {
  const { edit, archived, role } = useRights();
  if (!edit) {
    return (
      <Empty icon="spark" title={role ? `A ${role} sees no triggers` : "You see no triggers here"}>
        <p className="dim">Editors and owners see and make them. An owner gives roles.</p>
      </Empty>
    );
  }
  if (to === "see" || !archived) return null;
  return (
    <Empty icon="spark" title="Nothing is waited for in what is archived">
      <p className="dim">What ran here can be read. An owner opens it again.</p>
    </Empty>
  );
}
