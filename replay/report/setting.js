// What was sent with every request: parameters, and the tools on offer.

function setting(conversation) {
  const params = Object.entries(conversation.params || {});
  const tools = conversation.tools || [];
  return (params.length > 0 || tools.length > 0) && h("div.setting", null,
    params.map(([name, value]) => typeof value === "object" && value !== null
      ? fold(name, () => valueBlock(value))
      : h("span.chip", null, h("b", null, name), h("span", null, String(value)))),
    tools.length > 0 && fold(`${plural(tools.length, "tool")}: ${tools.map(toolName).join(", ")}`.slice(0, 300), () => tools.map(tool)));
}

function toolName(tool) {
  return tool.name ?? tool.function?.name ?? tool.type ?? "?";
}

function tool(definition) {
  const { name, description, parameters, effect } = definition.function ?? definition;
  return h("div.tool", null,
    h("p", null, h("b", null, String(name ?? definition.type)), effect && h("span.tag", null, effect), " ", description),
    parameters ? valueBlock(parameters) : valueBlock(definition));
}
