// The API as /openapi.json describes it: every call with its parameters and examples.
"use strict";

function element(name, text) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  return made;
}

function paragraph(text) {
  const made = element("p");
  text.split("`").forEach((part, number) => made.append(number % 2 ? element("code", part) : part));
  return made;
}

function exampleIn(content) {
  const one = content?.["application/json"];
  return one?.example ?? one?.schema?.examples?.[0];
}

function showExample(section, title, value) {
  if (value === undefined) return;
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  const block = element("pre");
  block.tabIndex = 0; // so that the keyboard can scroll it
  block.append(element("code", text));
  section.append(element("h3", title), block);
}

function showCall(method, path, call) {
  const section = element("section");
  const heading = element("h2");
  heading.append(element("code", `${method.toUpperCase()} ${path}`));
  section.append(heading, paragraph(call.description || call.summary || ""));
  if (call.parameters?.length) {
    const list = element("dl");
    for (const one of call.parameters) {
      const schema = one.schema || {};
      const kind = schema.type || schema.anyOf?.map((each) => each.type).filter((each) => each !== "null").join(" or ");
      const preset = schema.default === undefined ? "" : `, ${schema.default} if not given`;
      list.append(element("dt", one.name), element("dd", `${kind || "text"}${preset}`));
    }
    section.append(element("h3", "Parameters"), list);
  }
  showExample(section, "Request", exampleIn(call.requestBody?.content));
  for (const [status, answer] of Object.entries(call.responses || {})) {
    showExample(section, `Answer ${status}`, exampleIn(answer.content));
  }
  return section;
}

async function show() {
  try {
    const api = await (await fetch("/openapi.json")).json();
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, call] of Object.entries(methods)) byId("calls").append(showCall(method, path, call));
    }
  } catch {
    byId("problem").textContent = "The description of the API could not be loaded. Reload the page.";
  }
}

const byId = (id) => document.getElementById(id);
show();
