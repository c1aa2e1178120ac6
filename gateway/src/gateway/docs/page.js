"use strict";
(async () => {
  const METHODS = ["get", "post", "put", "patch", "delete", "head", "options"];
  const byId = (id) => document.getElementById(id);

  // Text only: whatever the document says, nothing of it becomes markup.
  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  };

  let api;
  try {
    const answer = await fetch("/api/v1/openapi.json");
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    api = await answer.json();
  } catch (error) {
    byId("about").textContent = `The API document could not be loaded (${error.message}).`;
    return;
  }

  const resolve = (node) => {
    for (let hops = 0; node && node.$ref && hops < 10; hops += 1) {
      node = node.$ref.slice(2).split("/").reduce((at, key) => at?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], api);
    }
    return node || {};
  };
  const refName = (node) => (node && node.$ref ? node.$ref.split("/").pop() : "");

  const typeOf = (schema) => {
    const found = resolve(schema);
    const union = found.anyOf || found.oneOf;
    if (union) return [...new Set(union.map(typeOf))].join(" | ");
    if (found.const !== undefined) return JSON.stringify(found.const);
    if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(" | ");
    if (found.type === "array") return `${typeOf(found.items)}[]`;
    const type = [].concat(found.type || (found.properties ? "object" : "any")).join(" | ");
    return refName(schema) || (found.format ? `${type} (${found.format})` : type);
  };

  const limitsOf = (schema) => {
    const found = resolve(schema);
    const names = ["minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "pattern", "default"];
    return names.filter((name) => found[name] !== undefined).map((name) => `${name} ${JSON.stringify(found[name])}`).join(", ");
  };

  const objectIn = (schema) => {
    const found = resolve(schema);
    if (found.properties) return { found, name: refName(schema) };
    for (const part of [found.items, ...(found.anyOf || found.oneOf || found.allOf || [])]) {
      const inner = part && objectIn(part);
      if (inner) return { ...inner, name: inner.name || refName(part) };
    }
    return null;
  };

  const fields = (schema, seen) => {
    const inner = objectIn(schema);
    if (!inner || seen.includes(inner.found)) return null;
    const required = inner.found.required || [];
    const rows = Object.entries(inner.found.properties).map(([name, property]) =>
      make("li", "", make("code", "", name), required.includes(name) ? " " : "? ",
        make("span", "note", [typeOf(property), limitsOf(property), resolve(property).description].filter(Boolean).join(" · ")),
        fields(property, [...seen, inner.found])));
    return make("ul", "schema", ...rows);
  };

  const body = (content) => Object.entries(content || {}).map(([type, media]) =>
    make("div", "", make("code", "", type), " ", make("span", "note", media.schema ? typeOf(media.schema) : ""),
      media.schema ? fields(media.schema, []) : null,
      media.example ? make("pre", "", JSON.stringify(media.example, null, 2)) : null));

  const sample = (schema, depth = 0) => {
    const found = resolve(schema);
    if (found.example !== undefined) return found.example;
    if (found.examples) return found.examples[0];
    if (found.default !== undefined) return found.default;
    if (found.const !== undefined) return found.const;
    if (found.enum) return found.enum[0];
    if (found.properties && depth < 4) {
      const wanted = found.required || Object.keys(found.properties);
      return Object.fromEntries(wanted.map((name) => [name, sample(found.properties[name], depth + 1)]));
    }
    const union = found.anyOf || found.oneOf || found.allOf;
    if (union) return sample(union[0], depth + 1);
    const type = [].concat(found.type)[0];
    return { array: [], integer: 1, number: 1, boolean: true, null: null, object: {} }[type] ?? (found.format === "date" ? "2027-01-31" : "…");
  };

  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const curl = (method, path, operation, isPublic) => {
    const lines = [`curl --cacert ca.pem -X ${method.toUpperCase()} ${quoted(location.origin + path)}`];
    if (!isPublic) lines.push('-H "Authorization: Bearer $TOKEN"');
    const media = resolve(operation.requestBody).content?.["application/json"];
    if (media) {
      if (method === "post") lines.push('-H "Idempotency-Key: $(uuidgen)"');
      lines.push("-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(media.example ?? sample(media.schema)))}`);
    }
    return lines.join(" \\\n  ");
  };

  const copyButton = (text) => {
    const button = make("button", "", "Copy");
    button.type = "button";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    });
    return button;
  };

  const parameters = (list) => list.length === 0 ? null : make("table", "",
    make("thead", "", make("tr", "", ...["Parameter", "In", "Type", "Meaning"].map((name) => make("th", "", name)))),
    make("tbody", "", ...list.map((parameter) => make("tr", "",
      make("td", "", make("code", "", parameter.name), parameter.required ? "" : "?"),
      make("td", "", parameter.in),
      make("td", "", [typeOf(parameter.schema), limitsOf(parameter.schema)].filter(Boolean).join(" · ")),
      make("td", "", parameter.description || "")))));

  const contents = (method, path, item, operation, isPublic) => {
    const command = curl(method, path, operation, isPublic);
    const given = [...(item.parameters || []), ...(operation.parameters || [])].map(resolve);
    const wanted = resolve(operation.requestBody);
    return make("div", "",
      operation.description ? make("p", "", operation.description) : null,
      make("p", "note", `operationId ${operation.operationId || "–"}`),
      parameters(given),
      wanted.content ? make("h4", "", "Body") : null, ...body(wanted.content),
      make("h4", "", "Answers"),
      ...Object.entries(operation.responses || {}).map(([status, answer]) => {
        const found = resolve(answer);
        return make("div", "", make("strong", "", status), ` ${found.description || ""}`, ...body(found.content));
      }),
      make("h4", "", "Try it"), make("pre", "", command), copyButton(command));
  };

  const render = ({ method, path, item, operation }) => {
    const isPublic = (operation.security ?? api.security ?? []).length === 0;
    const row = make("details", "operation", make("summary", "",
      make("span", `method ${method}`, method.toUpperCase()), make("span", "path", path), " ",
      make("span", "note", operation.summary || ""), " ", isPublic ? make("span", "badge", "public") : null));
    row.id = operation.operationId || `${method} ${path}`;
    // Drawn when first opened: a document of some hundred operations stays quick.
    row.addEventListener("toggle", () => {
      if (row.open && row.children.length === 1) row.append(contents(method, path, item, operation, isPublic));
    });
    return row;
  };

  const operations = Object.entries(api.paths || {}).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ method, path, item, operation: item[method] })));
  const groups = new Map((api.tags || []).map((tag) => [tag.name, { tag, rows: [] }]));
  const searchable = [];
  for (const entry of operations) {
    const name = entry.operation.tags?.[0] || "other";
    if (!groups.has(name)) groups.set(name, { tag: { name }, rows: [] });
    const row = render(entry);
    groups.get(name).rows.push(row);
    const { operationId, summary, description } = entry.operation;
    searchable.push({ row, text: [entry.method, entry.path, operationId, summary, description, name].join(" ").toLowerCase() });
  }

  const sections = [];
  for (const { tag, rows } of groups.values()) {
    if (rows.length === 0) continue;
    const section = make("section", "", make("h2", "", tag.name), tag.description ? make("p", "note", tag.description) : null, ...rows);
    section.id = `tag-${tag.name}`;
    const link = make("a", "", tag.name);
    link.href = `#${encodeURIComponent(section.id)}`;
    byId("contents").append(link);
    byId("operations").append(section);
    sections.push({ section, rows });
  }

  const search = () => {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { row, text } of searchable) row.hidden = !words.every((word) => text.includes(word));
    for (const { section, rows } of sections) section.hidden = rows.every((row) => row.hidden);
    byId("count").textContent = `${searchable.filter(({ row }) => !row.hidden).length} of ${searchable.length} operations`;
  };
  byId("search").addEventListener("input", search);

  byId("title").textContent = `${api.info.title} API ${api.info.version}`;
  byId("about").textContent = api.info.description || "";
  search();
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target) {
    target.open = true;
    target.scrollIntoView();
  }
})();
