/** Who is in, as what, and why. */
import { Button, NativeSelect } from "@mantine/core";
import "@mantine/core/styles/Input.css";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { removeMember, setMember, usePeopleChange } from "../../api/people";
import { asProblem } from "../../api/problem";
import { useRights } from "../../api/rights";
import type { MemberView } from "../../api/types";
import { roleWord } from "../../lib/audit";
import { notify } from "../../lib/notices";
import { whyOf } from "../../lib/people";
import { ROLES } from "../../lib/rights";
import { Ago } from "../Time";
import { Confirm, type Question } from "./Confirm";
import classes from "./People.module.css";
import { Table, type Column } from "./Table";

interface MemberListProps {
  members: MemberView[];
  /** Whoever looks decides who is what. */
  manage: boolean;
  /** Of whoever looks. */
  own: string | null | undefined;
}

export function MemberList({ members, manage, own }: MemberListProps) {
  const [question, setQuestion] = useState<Question | null>(null);
  const remove = usePeopleChange(removeMember);
  const ask = (member: MemberView) =>
    setQuestion({
      title: member.id === own ? "Leave?" : `Remove ${member.name}?`,
      text: (
        <p>
          {member.id === own ? "You see" : `${member.name} sees`} nothing of it any more. Runs that {member.id === own ? "you" : "they"}{" "}
          started go on, and stay.
        </p>
      ),
      action: member.id === own ? "Leave" : "Remove",
      run: () => remove.mutateAsync(member.id),
    });
  const columns: Column<MemberView>[] = [
    {
      title: "Name",
      head: true,
      cell: (member) => (
        <>
          <Name member={member} />
          {member.kind === "group" && <span className={classes.tag}>group</span>}
          {member.id === own && <span className={classes.tag}>you</span>}
        </>
      ),
    },
    { title: "Role", narrow: true, cell: (member) => (manage ? <RoleChoice member={member} /> : member.role) },
    { title: "Why", wide: true, cell: (member) => <Whys member={member} /> },
    ...(manage
      ? [
          {
            title: "Remove",
            quiet: true,
            narrow: true,
            cell: (member: MemberView) => (
              <Button
                variant="default"
                size="compact-sm"
                aria-label={member.id === own ? "Leave" : `Remove ${member.name}`}
                onClick={() => ask(member)}
              >
                {member.id === own ? "Leave" : "Remove"}
              </Button>
            ),
          },
        ]
      : []),
  ];
  return (
    <>
      <Table label="Members" columns={columns} rows={members} keyOf={({ id }) => id} />
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </>
  );
}

/** For administrators a way to what else they are. */
function Name({ member: { id, kind, name } }: { member: MemberView }) {
  const { administer } = useRights();
  if (!administer) return name;
  return (
    <Link to={kind === "group" ? "/administration/groups/$id" : "/administration/people/$id"} params={{ id }} className={classes.name}>
      {name}
    </Link>
  );
}

function Whys({ member }: { member: MemberView }) {
  const several = member.grants.length > 1;
  return (
    <span className={classes.whys}>
      {member.grants.map((grant) => (
        <span key={`${grant.source} ${grant.group ?? ""}`}>
          {several && `${grant.role} `}
          {whyOf(grant)}, <Ago at={grant.at} />
        </span>
      ))}
    </span>
  );
}

function RoleChoice({ member }: { member: MemberView }) {
  const set = usePeopleChange(setMember);
  const change = (role: string) =>
    set.mutate(
      { who: member.id, role },
      {
        onSuccess: (now) => {
          if (now.role === role) {
            notify(`${now.name} is ${roleWord(role)}.`);
            return;
          }
          // The strongest of several roles counts.
          const why = now.grants.find((grant) => grant.role === now.role);
          notify(
            `${now.name} is still ${roleWord(now.role)}`,
            "bad",
            `That comes ${why ? whyOf(why) : "from elsewhere"}. Remove ${now.name}, then add them as ${role}.`,
          );
        },
        onError: (error) => {
          const problem = asProblem(error);
          notify(`${member.name} stays ${roleWord(member.role)}: ${problem.message}`, "bad", problem.cure);
        },
      },
    );
  return (
    <NativeSelect
      size="xs"
      aria-label={`Role of ${member.name}`}
      data={[...ROLES]}
      value={member.role}
      disabled={set.isPending}
      onChange={(event) => change(event.currentTarget.value)}
      w={104}
    />
  );
}
