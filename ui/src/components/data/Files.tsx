/** What lies in a version: folders to go through, a file shown where it is harmless, everything to download. */
import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";

import { entriesQuery, fileUrl, zipUrl } from "../../api/datasets";
import { useRights } from "../../api/rights";
import type { DatasetEntry, DatasetVersionView } from "../../api/types";
import { foldersOf, referenceTo } from "../../lib/dataset";
import { bytes, count, plural } from "../../lib/format";
import { previewOf } from "../../lib/preview/kind";
import { CopyButton } from "../CopyButton";
import { Icon } from "../Icon";
import { Table, type Column } from "../people/Table";
import { Preview } from "../preview/Preview";
import { Failure } from "../States";
import classes from "./Data.module.css";
import { UseButton } from "./UseAsInput";

interface FilesProps {
  name: string;
  version: number;
  path: string;
  facts: DatasetVersionView | undefined;
  onPath: (path: string) => void;
}

export function Files({ name, version, path, facts, onPath }: FilesProps) {
  const { start } = useRights();
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(entriesQuery(name, version, path));
  const entries = data?.pages.flatMap((page) => page.items);
  const [only] = entries ?? [];
  // Of a file, the server answers that file alone.
  const file = only?.kind === "file" && only.path === path ? only : null;
  return (
    <>
      <div className={classes.path}>
        <nav aria-label="Folder" className={classes.labels}>
          <Step here={path === ""} text={`${name}@${version}`} onGo={() => onPath("")} />
          {foldersOf(path).map((folder) => (
            <span key={folder.path} className={classes.labels}>
              <span className="dim">/</span>
              <Step here={folder.path === path} text={folder.name} onGo={() => onPath(folder.path)} />
            </span>
          ))}
          <CopyButton text={referenceTo(name, version, path)} label="Copy the reference" />
        </nav>
        {entries && (
          <>
            <a className={classes.way} href={file ? fileUrl(name, version, path, "download") : zipUrl(name, version, path)} download>
              <Icon name="download" size={14} />
              {file ? "Download" : "Download as zip"}
            </a>
            {start && <UseButton reference={referenceTo(name, version, path)} />}
          </>
        )}
      </div>
      {error && !entries && <Failure error={error} retry={() => void refetch()} />}
      {file && <OneFile name={name} version={version} file={file} />}
      {entries && !file && <Entries name={name} version={version} entries={entries} onPath={onPath} empty={facts?.files === 0} />}
      {hasNextPage && (
        <div className={classes.more}>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
    </>
  );
}

function Step({ here, text, onGo }: { here: boolean; text: string; onGo: () => void }) {
  if (here) return <span aria-current="location">{text}</span>;
  return (
    <button type="button" className={classes.step} onClick={onGo}>
      {text}
    </button>
  );
}

interface EntriesProps {
  name: string;
  version: number;
  entries: readonly DatasetEntry[];
  empty: boolean;
  onPath: (path: string) => void;
}

function Entries({ name, version, entries, empty, onPath }: EntriesProps) {
  if (entries.length === 0) return <p className={classes.none}>{empty ? "This version holds no files." : "Nothing lies here."}</p>;
  const last = (path: string) => path.split("/").at(-1) ?? path;
  const columns: Column<DatasetEntry>[] = [
    {
      title: "Name",
      head: true,
      cell: ({ path, kind }) => (
        <span className={classes.named}>
          <Icon name={kind === "folder" ? "folder" : "file"} size={14} />
          <button type="button" className={`${classes.plain ?? ""} ${classes.name ?? ""}`} onClick={() => onPath(path)}>
            {last(path)}
            {kind === "folder" && "/"}
          </button>
        </span>
      ),
    },
    {
      title: "Files",
      narrow: true,
      wide: true,
      cell: ({ files }) => <span className={classes.number}>{files != null && count(files)}</span>,
    },
    { title: "Size", narrow: true, cell: ({ size }) => <span className={classes.number}>{bytes(size)}</span> },
    {
      title: "Download",
      quiet: true,
      narrow: true,
      cell: ({ path, kind, sha256 }) => (
        <a
          className={classes.icon}
          href={kind === "file" ? fileUrl(name, version, path, "download") : zipUrl(name, version, path)}
          download
          aria-label={`Download ${last(path)}${kind === "folder" ? " as zip" : ""}`}
          title={kind === "file" ? `Download, sha256 ${sha256}` : "Download as zip"}
        >
          <Icon name="download" size={14} />
        </a>
      ),
    },
  ];
  return <Table label="Files" columns={columns} rows={entries} keyOf={({ path }) => path} />;
}

function OneFile({ name, version, file }: { name: string; version: number; file: DatasetEntry }) {
  const item = { path: file.path, media_type: "", sha256: file.sha256, size: file.size };
  return (
    <>
      <p className={classes.shownFacts}>
        <span>{plural(file.size, "byte")}</span>
        <span>
          sha256 <span className="mono">{file.sha256}</span>
        </span>
      </p>
      <div className={classes.shown}>
        <Preview url={fileUrl(name, version, file.path)} item={item} kind={previewOf(item)} />
      </div>
    </>
  );
}
