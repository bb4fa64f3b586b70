// Makes the page from the OpenAPI file. Texts are set as texts: nothing of the file becomes markup.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEEPEST = 4;
let api;

function make(tag, attributes = {}, ...inner) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inner.filter((part) => part !== null && part !== undefined));
  return element;
}

/** A text whose `names` are code. */
function prose(text, tag = "p") {
  const parts = String(text ?? "").split("`");
  return make(tag, {}, ...parts.map((part, at) => (at % 2 ? make("code", {}, part) : part)));
}

function resolve(schema) {
  let found = schema ?? {};
  for (let depth = 0; found.$ref && depth < 8; depth += 1) {
    found = found.$ref.slice(2).split("/").reduce((at, key) => at?.[key], api) ?? {};
  }
  return found;
}

/** An optional thing is described as one of it and null. */
function core(schema) {
  const found = resolve(schema);
  const some = (found.oneOf ?? found.anyOf)?.filter((one) => one.type !== "null");
  return some?.length === 1 ? core(some[0]) : found;
}

function typeOf(schema) {
  const found = core(schema);
  if (found.enum) return found.enum.map((one) => JSON.stringify(one)).join(" | ");
  const several = found.oneOf ?? found.anyOf;
  if (several) return several.map(typeOf).join(" | ");
  const types = [found.type ?? (found.properties ? "object" : "any")].flat().filter((type) => type !== "null");
  if (types.includes("array")) return `list of ${typeOf(found.items)}`;
  return types.join(" | ") + (found.format ? ` (${found.format})` : "");
}

function bounds(schema) {
  const found = core(schema);
  const said = [];
  if (found.minimum !== undefined) said.push(`at least ${found.minimum}`);
  if (found.maximum !== undefined) said.push(`at most ${found.maximum}`);
  return said.length ? ` (${said.join(", ")})` : "";
}

/** Rows of a schema's fields, those within fields indented by their path. */
function fieldsOf(schema, prefix = "", depth = 0) {
  const found = core(schema);
  if (depth > DEEPEST) return [];
  if (found.type === "array" || [found.type].flat().includes("array")) return fieldsOf(found.items, `${prefix}[]`, depth + 1);
  const all = [found, ...(found.allOf ?? []).map(resolve)];
  return all.flatMap((one) => Object.entries(one.properties ?? {}).flatMap(([name, inner]) => {
    const path = prefix ? `${prefix}.${name}` : name;
    const words = inner.description ?? core(inner).description ?? "";
    const required = one.required?.includes(name) ? "yes" : "";
    return [[path, typeOf(inner) + bounds(inner), required, words], ...fieldsOf(inner, path, depth + 1)];
  }));
}

function table(caption, heads, rows) {
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  const lines = rows.map(([first, type, ...rest]) =>
    make("tr", {}, make("td", {}, make("code", {}, first)), make("td", {}, type), ...rest.map((text) => prose(text, "td"))));
  return make("div", { class: "table", tabindex: "0", role: "region", "aria-label": caption },
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...lines)));
}

function example(schema, depth = 0) {
  const found = core(schema);
  const given = found.example ?? found.examples?.[0] ?? found.default;
  if (given !== undefined) return given;
  if (found.enum) return found.enum[0];
  const type = [found.type].flat().find((one) => one !== "null");
  if (type === "array") return [];
  if (type === "object" || found.properties) {
    if (depth > 1) return {};
    const needed = Object.entries(found.properties ?? {}).filter(([name]) => depth === 0 || found.required?.includes(name));
    return Object.fromEntries(needed.map(([name, inner]) => [name, example(inner, depth + 1)]).filter(([, value]) => value !== null));
  }
  return { integer: 0, number: 0, boolean: false, string: "" }[type] ?? null;
}

function bodyOf(operation) {
  const [kind, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  return kind && { kind, schema: content.schema };
}

/** The address with what a form holds, or with `{names}` where it holds nothing. */
function address(path, parameters, value) {
  let filled = path;
  const query = new URLSearchParams();
  for (const parameter of parameters) {
    const given = value(parameter);
    if (given === "") continue;
    // The rest of a path may hold slashes.
    const coded = parameter.name === "path" ? given.split("/").map(encodeURIComponent).join("/") : encodeURIComponent(given);
    if (parameter.in === "path") filled = filled.replace(`{${parameter.name}}`, coded);
    if (parameter.in === "query") query.append(parameter.name, given);
  }
  const text = query.toString();
  return text ? `${filled}?${text}` : filled;
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl(method, where, body, kind) {
  const lines = [`curl -X ${method.toUpperCase()} ${quoted(location.origin + where)}`, `-H "Authorization: Bearer $RIGI_TOKEN"`];
  if (kind) lines.push(`-H ${quoted(`Content-Type: ${kind}`)}`, kind === "application/json" ? `-d ${quoted(body)}` : "--data-binary @FILE");
  return lines.join(" \\\n  ");
}

function python(method, where, body, kind) {
  const data = !kind ? "" : kind === "application/json" ? `    data=${JSON.stringify(body)}.encode(),\n` : "    data=open(\"FILE\", \"rb\"),\n";
  const type = kind ? `, "Content-Type": "${kind}"` : "";
  return `import os, urllib.request\n\nrequest = urllib.request.Request(\n    ${JSON.stringify(location.origin + where)},\n    method="${method.toUpperCase()}",\n${data}    headers={"Authorization": "Bearer " + os.environ["RIGI_TOKEN"]${type}},\n)\nwith urllib.request.urlopen(request) as answer:\n    print(answer.read().decode())`;
}

function field(id, label, words, control) {
  control.id = id;
  return make("div", { class: "field" }, make("label", { for: id }, label), control, words ? prose(words, "div") : null);
}

/** The answer as text; a stream is shown until it ends or has said enough. */
async function show(answer, out) {
  const kind = answer.headers.get("content-type") ?? "";
  out.textContent = `${answer.status} ${answer.statusText}  ${kind}\n\n`;
  if (!/json|text/.test(kind)) {
    out.textContent += `${(await answer.blob()).size} bytes`;
    return;
  }
  if (kind.includes("json")) {
    out.textContent += JSON.stringify(await answer.json(), null, 2);
    return;
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    out.textContent += read.value;
    if (out.textContent.length > 200000) return reader.cancel();
  }
}

function tryIt(id, method, path, operation, parameters) {
  const body = bodyOf(operation);
  const inputs = new Map(parameters.map((parameter) => [parameter, make("input", { type: "text", autocomplete: "off", spellcheck: "false" })]));
  const fields = [...inputs].map(([parameter, input]) =>
    field(`${id}-${parameter.in}-${parameter.name}`, `${parameter.name}${parameter.required ? " (needed)" : ""}`, "", input));
  const isJson = body?.kind === "application/json";
  const area = make(isJson ? "textarea" : "input", isJson ? { spellcheck: "false" } : { type: "file" });
  if (isJson) area.value = JSON.stringify(example(body.schema), null, 2);
  if (body) fields.push(field(`${id}-body`, isJson ? "Body" : "File", "", area));
  const [asCurl, asPython] = [make("pre", { tabindex: "0", "aria-label": "As curl" }), make("pre", { tabindex: "0", "aria-label": "As Python" })];
  const where = () => address(path, parameters, (parameter) => inputs.get(parameter)?.value ?? "");
  const sample = () => {
    const text = isJson ? area.value : "";
    asCurl.textContent = curl(method, where(), text, body?.kind);
    asPython.textContent = python(method, where(), text, body?.kind);
  };
  const out = make("pre", { tabindex: "0", role: "status", hidden: "" });
  const stop = make("button", { type: "button", hidden: "" }, "Stop");
  const form = make("form", {}, ...fields, make("button", { type: "submit" }, "Send"), stop, out);
  form.addEventListener("input", sample);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const control = new AbortController();
    stop.onclick = () => control.abort();
    out.hidden = stop.hidden = false;
    out.textContent = "Waiting for the answer.";
    try {
      const headers = Object.fromEntries(parameters.filter((one) => one.in === "header" && inputs.get(one).value).map((one) => [one.name, inputs.get(one).value]));
      if (body) headers["Content-Type"] = body.kind;
      const sent = body ? (isJson ? area.value : area.files[0]) : undefined;
      await show(await fetch(where(), { method: method.toUpperCase(), headers, body: sent, signal: control.signal }), out);
    } catch (error) {
      out.textContent += control.signal.aborted ? "\nStopped." : `\nNo answer: ${error.message}`;
    }
    stop.hidden = true;
  });
  sample();
  return [
    make("details", {}, make("summary", {}, "Samples"), make("h4", {}, "curl"), asCurl, make("h4", {}, "Python"), asPython),
    make("details", {}, make("summary", {}, "Try it, with this browser's session"), form),
  ];
}

function call(method, path, operation, common) {
  const id = operation.operationId ?? `${method}-${path}`;
  const parameters = [...(common ?? []), ...(operation.parameters ?? [])].map(resolve);
  const article = make("section", { class: "call", id, "aria-labelledby": `${id}-title` });
  article.append(make("h3", { id: `${id}-title` }, make("a", { href: `#${id}` }, make("span", { class: "method" }, method.toUpperCase()), ` ${path}`)));
  for (const text of [operation.summary, operation.description]) if (text) article.append(prose(text));
  const rows = parameters.map((one) => [one.name, `${typeOf(one.schema)}${bounds(one.schema)}`, one.in, one.required ? "yes" : "", one.description ?? ""]);
  if (rows.length) article.append(make("h4", {}, "Parameters"), table(`Parameters of ${method} ${path}`, ["Name", "Type", "In", "Needed", "What it is"], rows));
  const body = bodyOf(operation);
  if (body) {
    article.append(make("h4", {}, `Body, ${body.kind}`));
    const fields = fieldsOf(body.schema);
    if (fields.length) article.append(table(`Body of ${method} ${path}`, ["Field", "Type", "Needed", "What it is"], fields));
  }
  article.append(make("h4", {}, "Answers"));
  const answers = make("ul");
  for (const [status, answer] of Object.entries(operation.responses ?? {})) {
    const [kind, content] = Object.entries(answer.content ?? {})[0] ?? [];
    const item = make("li", {}, make("code", {}, status), " ", prose(answer.description ?? "", "span"), kind ? make("span", { class: "dim" }, ` ${kind}`) : null);
    const fields = content && !/^[45]/.test(status) ? fieldsOf(content.schema) : [];
    if (fields.length) item.append(make("details", {}, make("summary", {}, `Fields of ${status}`), table(`Answer ${status} of ${method} ${path}`, ["Field", "Type", "Always", "What it is"], fields)));
    answers.append(item);
  }
  article.append(answers, ...tryIt(id, method, path, operation, parameters));
  article.dataset.text = `${method} ${path} ${operation.summary ?? ""}`.toLowerCase();
  return article;
}

function build() {
  const [main, list] = [document.getElementById("calls"), document.getElementById("list")];
  const tags = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((one) => item[one])) {
      const tag = item[method].tags?.[0] ?? "other";
      tags.set(tag, [...(tags.get(tag) ?? []), call(method, path, item[method], item.parameters)]);
    }
  }
  for (const [tag, calls] of tags) {
    const title = tag[0].toUpperCase() + tag.slice(1);
    main.append(make("h2", {}, title), ...calls);
    const links = calls.map((one) => make("li", {}, make("a", { href: `#${one.id}` }, one.querySelector("h3").textContent)));
    list.append(make("h2", {}, title), make("ul", {}, ...links));
  }
}

function find() {
  const wanted = document.getElementById("find").value.trim().toLowerCase().split(/\s+/);
  let count = 0;
  for (const one of document.querySelectorAll(".call")) {
    one.hidden = !wanted.every((word) => one.dataset.text.includes(word));
    document.querySelector(`nav a[href="#${CSS.escape(one.id)}"]`).parentElement.hidden = one.hidden;
    count += one.hidden ? 0 : 1;
  }
  document.getElementById("found").textContent = `${count} ${count === 1 ? "call" : "calls"}`;
}

async function start() {
  const state = document.getElementById("state");
  try {
    const answer = await fetch("/api/v1/openapi.json");
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    api = await answer.json();
    const info = prose(`Version ${api.info.version}. ${api.info.description}`);
    state.replaceWith(info);
    build();
    document.getElementById("find").addEventListener("input", find);
    find();
    if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  } catch (error) {
    state.className = "bad";
    state.textContent = `The description cannot be read: ${error.message}`;
  }
}

start();
