// What happens in a what-if, as sentences. Keys are the Scenario resource's; their words stand in `text`.
import type { Change, Question } from "./api";
import { text } from "./text";

type Facts = Record<string, unknown>;

function said(value: unknown): string {
  if (Array.isArray(value)) return value.map(said).join(", ");
  if (typeof value === "object" && value !== null) {
    return Object.entries(value)
      .map(([key, each]) => `${key} ${said(each)}`)
      .join(", ");
  }
  return String(value);
}

function phrase(action: string, key: string, words: string, value: unknown): string {
  if (words.includes("±") && typeof value === "number") {
    return words.replace("±", value < 0 ? text.changeElse.less : text.changeElse.more).replace("#", said(Math.abs(value)));
  }
  if (action === "load" && key === "racks" && Array.isArray(value) && value.length === 0) return text.changeElse.allRacks;
  return words.replace("#", said(value));
}

function clause(action: string, facts: Facts): string {
  const words = text.change[action];
  if (typeof words !== "object") return `${action} ${said(facts)}`;
  // What the resource takes as given when it is left out.
  const usual: Facts = action === "load" ? { racks: [] } : {};
  const known = { ...usual, ...facts };
  const parts = Object.entries(words)
    .filter(([key]) => known[key] !== undefined && known[key] !== null && known[key] !== false)
    .map(([key, each]) => phrase(action, key, each, known[key]));
  if (action === "move" && known["powerW"] === undefined) parts.unshift(text.changeElse.allLoad);
  // A key that there are no words for yet is shown as it is, rather than not at all.
  const unknown = Object.keys(facts).filter((key) => words[key] === undefined);
  const all = [...parts, ...unknown.map((key) => `${key} ${said(facts[key])}`)];
  // A unit may have several things happen to it.
  return action === "coolingUnit" ? `${all[0] ?? ""} ${all.slice(1).join(` ${text.changeElse.and} `)}` : all.join(" ");
}

export function sentence(change: Change): string {
  const when = change.atS !== undefined && change.atS > 0 ? [String(text.change["atS"]).replace("#", said(change.atS))] : [];
  const what = Object.entries(change).filter(([key]) => key !== "atS").map(([action, facts]) => clause(action, facts as Facts));
  return [...what, ...when].join(", ");
}

// A whole question, case by case.
export function sentences(asked: Question["whatIf"]): string[] {
  const cases = (asked.cases ?? []).map((each) => `${each.name}: ${each.changes.map(sentence).join("; ")}`);
  return [...(asked.eachUnitFails === true ? [text.changeElse.eachUnitFails] : []), ...(asked.changes ?? []).map(sentence), ...cases];
}
