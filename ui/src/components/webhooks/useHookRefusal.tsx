import { useRights } from "../../api/rights";
import { Empty } from "../States";

/** For whoever may not see webhooks, or make them. */
export function useHookRefusal(to: "see" | "make") {
  const { edit, archived, role } = useRights();
  if (!edit) {
    return (
      <Empty icon="hook" title={role ? `A ${role} sees no webhooks` : "You see no webhooks here"}>
        <p className="dim">Editors and owners see and make them. An owner gives roles.</p>
      </Empty>
    );
  }
  if (to === "see" || !archived) return null;
  return (
    <Empty icon="hook" title="Nothing is taken by what is archived">
      <p className="dim">What ran here can be read. An owner opens it again.</p>
    </Empty>
  );
}
