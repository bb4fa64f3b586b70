/** Adds a repository, or changes one. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { repositoryQuery, useSetRepository } from "../api/repositories";
import { useRights } from "../api/rights";
import type { RepositoryView, SetRepository } from "../api/types";
import { ChoiceField, FormProblem, PasswordField, TextField, useSending } from "../components/form/Fields";
import { Page, type Crumb } from "../components/Page";
import classes from "../components/repositories/Repositories.module.css";
import { Empty, Failure } from "../components/States";

const changing = getRouteApi("/repositories/$name/change");
const LIST: Crumb = { text: "Repositories", link: { to: "/repositories" } };

export function AddRepository() {
  const crumbs = [LIST, { text: "New" }];
  const refusal = useRefusal();
  return <Page crumbs={crumbs}>{refusal ?? <Form from={null} />}</Page>;
}

export function ChangeRepository() {
  const { name } = changing.useParams();
  const { data, error, refetch } = useQuery(repositoryQuery(name));
  const crumbs: Crumb[] = [LIST, { text: name, link: { to: "/repositories/$name", params: { name } } }, { text: "Change" }];
  const refusal = useRefusal();
  if (refusal) return <Page crumbs={crumbs}>{refusal}</Page>;
  return (
    <Page crumbs={crumbs}>
      {error && !data && <Failure error={error} retry={() => void refetch()} />}
      {data && <Form key={name} from={data} />}
    </Page>
  );
}

type Kind = "head" | "branch" | "tag" | "commit";
const KINDS: { value: Kind; label: string }[] = [
  { value: "head", label: "Its own branch" },
  { value: "branch", label: "A branch" },
  { value: "tag", label: "A tag" },
  { value: "commit", label: "A commit" },
];

const INTERVALS = [
  { value: "", label: "Only when asked to" },
  { value: "30s", label: "Every 30 s" },
  { value: "1m", label: "Every minute" },
  { value: "5m", label: "Every 5 minutes" },
  { value: "1h", label: "Every hour" },
  { value: "1d", label: "Every day" },
];

function kindOf(from: RepositoryView | null): Kind {
  if (from?.branch) return "branch";
  if (from?.tag) return "tag";
  return from?.commit ? "commit" : "head";
}

/** Fields beside which the server's words stand. */
const BESIDE = ["/url", "/name", "/branch", "/tag", "/commit", "/folder", "/interval", "/token"];

function useForm(from: RepositoryView | null) {
  const [url, setUrl] = useState(from?.url ?? "");
  const [name, setName] = useState("");
  const [kind, setKind] = useState<Kind>(kindOf(from));
  const [reference, setReference] = useState(from?.branch ?? from?.tag ?? from?.commit ?? "");
  const [folder, setFolder] = useState(from?.folder ?? "");
  const [interval, setInterval] = useState(from?.interval ?? "");
  const [token, setToken] = useState("");
  const body = (): SetRepository => ({
    url: url.trim(),
    ...(from === null && name.trim() ? { name: name.trim() } : {}),
    ...(kind === "head" ? {} : { [kind]: reference.trim() }),
    folder: folder.trim(),
    ...(interval ? { interval } : {}),
    ...(from?.forge ? { forge: from.forge } : {}),
    ...(from?.user ? { user: from.user } : {}),
    ...(token ? { token } : {}),
  });
  return {
    url,
    setUrl,
    name,
    setName,
    kind,
    setKind,
    reference,
    setReference,
    folder,
    setFolder,
    interval,
    setInterval,
    token,
    setToken,
    body,
  };
}

function Form({ from }: { from: RepositoryView | null }) {
  const navigate = useNavigate();
  const fields = useForm(from);
  const set = useSetRepository(from?.name ?? null);
  const form = useSending(
    () => set.mutateAsync(fields.body()),
    ({ name }) => void navigate({ to: "/repositories/$name", params: { name } }),
  );
  const ssh = fields.url !== "" && !/^https?:/.test(fields.url) && /[@]|^ssh:/.test(fields.url);
  const intervals = INTERVALS.some(({ value }) => value === fields.interval)
    ? INTERVALS
    : [...INTERVALS, { value: fields.interval, label: `Every ${fields.interval}` }];
  return (
    <form className={classes.form} onSubmit={form.send} aria-label={from ? "Change" : "Add a repository"} autoComplete="off">
      <TextField
        label="Address"
        description="By HTTPS, or by SSH with a deploy key: git@git.example.org:lab/tools.git"
        placeholder="https://github.com/lab/tools"
        required
        withAsterisk={false}
        autoFocus={from === null}
        spellCheck={false}
        value={fields.url}
        onChange={(event) => fields.setUrl(event.currentTarget.value)}
        mistake={form.at("/url")}
      />
      {from === null && (
        <TextField
          label="Name"
          description="The last part of its address, unless you give another."
          spellCheck={false}
          value={fields.name}
          onChange={(event) => fields.setName(event.currentTarget.value)}
          mistake={form.at("/name")}
        />
      )}
      <div className={classes.pair}>
        <ChoiceField
          label="Takes"
          data={KINDS}
          value={fields.kind}
          onChange={(event) => fields.setKind(event.currentTarget.value as Kind)}
        />
        {fields.kind !== "head" && (
          <TextField
            label={fields.kind === "commit" ? "All of its digits" : "Its name"}
            required
            withAsterisk={false}
            spellCheck={false}
            value={fields.reference}
            onChange={(event) => fields.setReference(event.currentTarget.value)}
            mistake={form.at(`/${fields.kind}`)}
          />
        )}
      </div>
      <TextField
        label="Folder"
        description="Its subfolders are the pipelines. Empty is the top of the repository."
        placeholder="pipelines"
        spellCheck={false}
        value={fields.folder}
        onChange={(event) => fields.setFolder(event.currentTarget.value)}
        mistake={form.at("/folder")}
      />
      <ChoiceField
        label="Synced"
        data={intervals}
        value={fields.interval}
        onChange={(event) => fields.setInterval(event.currentTarget.value)}
        mistake={form.at("/interval")}
      />
      {!ssh && (
        <PasswordField
          label="Token"
          description={
            from?.token
              ? "It has one, which stays unless you give another."
              : "One that may read it, where it is not public. It is sealed, and shown to nobody."
          }
          autoComplete="new-password"
          value={fields.token}
          onChange={(event) => fields.setToken(event.currentTarget.value)}
          mistake={form.at("/token")}
        />
      )}
      <FormProblem error={form.error} beside={BESIDE} />
      <div className={classes.ways} style={{ padding: 0 }}>
        <Button type="submit" loading={form.sending}>
          {from ? "Change" : "Add it"}
        </Button>
        <Button
          variant="default"
          renderRoot={(props) =>
            from ? <Link to="/repositories/$name" params={{ name: from.name }} {...props} /> : <Link to="/repositories" {...props} />
          }
        >
          Leave it
        </Button>
      </div>
    </form>
  );
}

/** For whoever may add none. */
function useRefusal() {
  const { edit, archived, role } = useRights();
  if (!edit) {
    return (
      <Empty icon="branch" title={role ? `A ${role} adds no repositories` : "You add no repositories here"}>
        <p className="dim">Editors and owners do. An owner gives roles.</p>
      </Empty>
    );
  }
  if (!archived) return null;
  return (
    <Empty icon="branch" title="What is archived takes nothing new">
      <p className="dim">What ran here can be read. An owner opens it again.</p>
    </Empty>
  );
}
