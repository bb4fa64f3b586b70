/** A small highlighter: comments, strings, words and numbers are enough to read code by. */

export interface Span {
  text: string;
  kind?: "comment" | "string" | "keyword" | "number_" | "key";
}

type Language = "python" | "shell" | "yaml" | "toml" | "json" | "sql" | "script" | "plain";

const ENDINGS: Record<string, Language> = {
  py: "python",
  sh: "shell",
  bash: "shell",
  yaml: "yaml",
  yml: "yaml",
  toml: "toml",
  json: "json",
  ipynb: "json",
  sql: "sql",
  js: "script",
  ts: "script",
  r: "python",
  jl: "python",
  dockerfile: "shell",
};

export function languageOf(path: string): Language {
  const name = path.split("/").at(-1)?.toLowerCase() ?? "";
  return ENDINGS[name.split(".").at(-1) ?? ""] ?? "plain";
}

const WORDS: Partial<Record<Language, string>> = {
  python:
    "and as assert async await break class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield None True False",
  shell: "if then else elif fi for in do done while until case esac function return exit set export local",
  sql: "select from where group by order join left right inner on as and or not insert into values update delete create table with union limit having distinct null",
  script:
    "const let var function return if else for while class new import from export default async await try catch throw typeof null undefined true false",
  yaml: "true false null",
  toml: "true false",
  json: "true false null",
};

const STRING = String.raw`"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?`;
const NUMBER = String.raw`\b\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?\b`;

function patternOf(language: Language): RegExp | null {
  if (language === "plain") return null;
  const comment =
    language === "json"
      ? String.raw`(?!)`
      : language === "sql"
        ? "--[^\n]*"
        : language === "script"
          ? String.raw`//[^\n]*|/\*[\s\S]*?\*/`
          : String.raw`(?<=^|\s)#[^\n]*`;
  const key =
    language === "yaml"
      ? String.raw`(?<=^[ \t]*(?:- )?)[\w.\-/]+(?=:(?:\s|$))`
      : language === "toml"
        ? String.raw`(?<=^[ \t]*)(?:[\w.\-]+(?=\s*=)|\[\[?[^\]\n]+\]\]?)`
        : language === "json"
          ? String.raw`"(?:\\.|[^"\\\n])*"(?=\s*:)`
          : String.raw`(?!)`;
  const words = String.raw`\b(?:${(WORDS[language] ?? "").split(" ").join("|")})\b`;
  return new RegExp(
    `(?<key>${key})|(?<comment>${comment})|(?<string>${STRING})|(?<keyword>${words})|(?<number_>${NUMBER})`,
    language === "sql" ? "gim" : "gm",
  );
}

/** Text as lines of spans. */
export function highlight(text: string, language: Language): Span[][] {
  const lines: Span[][] = [[]];
  const put = (part: string, kind?: Span["kind"]) => {
    part.split("\n").forEach((piece, index) => {
      if (index > 0) lines.push([]);
      if (piece) lines.at(-1)?.push(kind ? { text: piece, kind } : { text: piece });
    });
  };
  const pattern = patternOf(language);
  let at = 0;
  // Very long files are shown plain: colours are not worth a wait.
  for (const match of pattern && text.length < 400_000 ? text.matchAll(pattern) : []) {
    const kind = Object.entries<string | undefined>(match.groups ?? {}).find(([, found]) => found !== undefined)?.[0] as Span["kind"];
    if (match[0] === "") continue;
    put(text.slice(at, match.index));
    put(match[0], kind);
    at = match.index + match[0].length;
  }
  put(text.slice(at));
  if (lines.length > 1 && lines.at(-1)?.length === 0) lines.pop();
  return lines;
}
